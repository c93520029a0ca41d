//! The project of `docker-compose.yml`, run under a name, an image tag and ports of its own, so that it never meets
//! one that is in use. Whatever happens, it is taken down again with its volumes and its image.

use std::path::{Path, PathBuf};
use std::process::{Command as BlockingCommand, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long the image may take: a first build compiles every crate, perhaps beside other work.
const BUILD_PATIENCE: Duration = Duration::from_secs(900);
/// How long any other command may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(90);
/// How long a Docker engine may take to say that it is there.
const ENGINE_PATIENCE: Duration = Duration::from_secs(10);
/// How often a condition is looked at. Each look is a process or two.
const POLL: Duration = Duration::from_millis(250);
/// What `docker/build-local.sh` exits with where the toolchain cannot build static programs.
const NO_TARGET: i32 = 3;

/// Which of the two programs reads `docker-compose.yml`.
#[derive(Debug, Clone, Copy)]
enum Tool {
    /// `docker compose`
    Plugin,
    /// `docker-compose`
    Standalone,
}

impl Tool {
    fn command(self) -> BlockingCommand {
        match self {
            Self::Plugin => {
                let mut command = BlockingCommand::new("docker");
                command.arg("compose");
                command
            }
            Self::Standalone => BlockingCommand::new("docker-compose"),
        }
    }

    async fn find() -> Option<Self> {
        for tool in [Self::Plugin, Self::Standalone] {
            let mut command = tool.command();
            command.arg("version");
            if answers(command).await {
                return Some(tool);
            }
        }
        None
    }
}

/// The containers, networks, volumes and the image of one test.
#[derive(Debug)]
pub struct Project {
    tool: Tool,
    name: String,
}

impl Project {
    /// Builds the image and gives the project a name. Says why on standard output where that is impossible.
    pub async fn build(purpose: &str) -> Option<Self> {
        let mut info = BlockingCommand::new("docker");
        info.args(["info", "--format", "{{.ServerVersion}}"]);
        if !answers(info).await {
            return skip("no Docker engine answers here");
        }
        let Some(tool) = Tool::find().await else {
            return skip("there is a Docker engine, but neither `docker compose` nor `docker-compose`");
        };
        let name = format!("clock-{purpose}-{}", std::process::id());
        let mut build = BlockingCommand::new(root().join("docker/build-local.sh"));
        build.env("CLOCK_IMAGE", image(&name));
        // The profile of the tests: what it compiled for musl the last time is compiled.
        build.env("CLOCK_PROFILE", if cfg!(debug_assertions) { "dev" } else { "release" });
        let built = output(build, BUILD_PATIENCE).await;
        if built.status.code() == Some(NO_TARGET) {
            return skip(&format!("static programs cannot be built here: {}", text(&built)));
        }
        assert!(built.status.success(), "docker/build-local.sh: {}", text(&built));
        Some(Self { tool, name })
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> BlockingCommand {
        let mut command = self.tool.command();
        command.arg("--file").arg(root().join("docker-compose.yml")).args(["--project-name", &self.name]);
        command.args(arguments).env("CLOCK_IMAGE", image(&self.name)).env_remove("COMPOSE_PROFILES");
        for station in ["PACIFIC", "INDIAN_OCEAN", "ATLANTIC", "ANTARCTIC"] {
            // Any free port.
            command.env(format!("{station}_PORT"), "0");
        }
        command
    }

    /// Runs the compose tool to its end, whatever that is.
    pub async fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        output(self.command(arguments), COMMAND_PATIENCE).await
    }

    /// Runs the compose tool, which has to succeed; returns what it printed to standard output.
    pub async fn succeed<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        let done = self.run(arguments.iter().copied()).await;
        assert!(done.status.success(), "compose {}: {}", arguments.join(" "), text(&done));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Runs `clock-node` in a service's container.
    pub async fn clock_node(&self, service: &str, arguments: &[&str]) -> Output {
        let fixed = ["exec", "-T", service, "/clock-node"];
        self.run(fixed.into_iter().chain(arguments.iter().copied())).await
    }

    /// Where a station's client port is published on this machine.
    pub async fn published(&self, service: &str) -> String {
        self.succeed(["port", service, "7777"]).await
    }

    /// Its address on its own network.
    pub async fn private_address(&self, service: &str) -> String {
        let container = self.container(service).await;
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        docker(&["inspect", "--format", format, &container]).await
    }

    async fn container(&self, service: &str) -> String {
        self.succeed(["ps", "--all", "--quiet", service]).await
    }

    /// What a stopped service's program exited with.
    pub async fn exit_code(&self, service: &str) -> String {
        let container = self.container(service).await;
        docker(&["inspect", "--format", "{{.State.ExitCode}}", &container]).await
    }

    /// Waits until so many containers are healthy.
    pub async fn until_healthy(&self, count: usize) {
        let healthy = async || self.state().await.lines().filter(|line| line.ends_with("(healthy)")).count();
        self.until(&format!("{count} healthy containers"), async || healthy().await == count).await;
    }

    /// Waits until the condition holds; on expiry prints the state of all containers.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + COMMAND_PATIENCE;
        while !holds().await {
            if Instant::now() > deadline {
                panic!("expected within {COMMAND_PATIENCE:?}: {what}\n{}", self.state().await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn state(&self) -> String {
        docker(&["ps", "--all", "--filter", &self.label(), "--format", "{{.Names}}: {{.Status}}"]).await
    }

    fn label(&self) -> String {
        format!("label=com.docker.compose.project={}", self.name)
    }

    /// Attaches to the proxy's standard input and output, as `docker attach` does for a person.
    pub async fn attach_to_proxy(&self) -> Console {
        let container = self.container("proxy").await;
        let mut command = Command::new("docker");
        command.args(["attach", "--sig-proxy=false", &container]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("docker has just answered");
        let commands = child.stdin.take().expect("it is piped");
        let replies = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Console { child, commands, replies }
    }
}

impl Drop for Project {
    /// Blocking, because it has to be over before the test is.
    fn drop(&mut self) {
        if std::thread::panicking() {
            report("logs", self.command(["logs", "--no-color", "--tail", "20"]));
        }
        report("down", self.command(["down", "--volumes", "--timeout", "5"]));
        let mut remove = BlockingCommand::new("docker");
        remove.args(["image", "rm", "--force", &image(&self.name)]);
        report("image rm", remove);
    }
}

/// A conversation with the proxy over `docker attach`.
#[derive(Debug)]
pub struct Console {
    child: Child,
    commands: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Console {
    /// Gives a command that has to be accepted; returns the reply.
    pub async fn command(&mut self, command: &str) -> String {
        let exchange = async {
            self.commands.write_all(format!("{command}\n").as_bytes()).await?;
            self.commands.flush().await?;
            self.replies.next_line().await
        };
        let reply =
            timeout(COMMAND_PATIENCE, exchange).await.unwrap_or_else(|_| panic!("{command}: no answer"));
        let reply = reply.expect("the attached pipes work").expect("the proxy is attached");
        assert!(reply.starts_with("ok"), "{command}: {reply}");
        reply
    }

    /// Leaves, as somebody who closes the terminal.
    pub async fn leave(mut self) {
        // Not SIGTERM: Docker's client wants three of them.
        self.child.kill().await.expect("the client was running");
    }
}

fn image(name: &str) -> String {
    format!("constellation-clock:{name}")
}

async fn docker(arguments: &[&str]) -> String {
    let mut command = BlockingCommand::new("docker");
    command.args(arguments);
    let done = output(command, COMMAND_PATIENCE).await;
    assert!(done.status.success(), "docker {}: {}", arguments.join(" "), text(&done));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Whether a program is there and succeeds.
async fn answers(command: BlockingCommand) -> bool {
    let mut command = Command::from(command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let status = timeout(ENGINE_PATIENCE, command.status()).await;
    status.is_ok_and(|status| status.is_ok_and(|status: ExitStatus| status.success()))
}

async fn output(command: BlockingCommand, patience: Duration) -> Output {
    let what = format!("{command:?}");
    let mut command = Command::from(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let done = timeout(patience, command.output()).await;
    let done = done.unwrap_or_else(|_| panic!("{what}: not done within {patience:?}"));
    done.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Everything a command said, for people.
fn text(output: &Output) -> String {
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}{errors}", output.status)
}

/// For the end, where nothing may panic any more.
fn report(what: &str, mut command: BlockingCommand) {
    match command.stdin(Stdio::null()).output() {
        Ok(done) if done.status.success() && what != "logs" => {}
        Ok(done) => println!("{what}: {}", text(&done)),
        Err(error) => println!("{what}: {error}"),
    }
}

/// Says why there is no project; where one is required (`CLOCK_REQUIRE_DOCKER` is set), that is a failure.
fn skip(why: &str) -> Option<Project> {
    assert!(std::env::var_os("CLOCK_REQUIRE_DOCKER").is_none(), "Docker is required here, but {why}");
    println!("skipped: {why}");
    None
}

/// The top of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

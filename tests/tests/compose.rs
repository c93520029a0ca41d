//! `docker compose up`, wherever a Docker engine answers; elsewhere these tests say so and pass.

use std::process::Command;

use clock_tests::compose::{Project, root};
use clock_tests::processes::{program, run_processes};

/// What the incident leaves behind.
const OUTCOME: &str = "0.7071,0,0.7071,0";
/// What `clock-node` exits with when no station answers.
const UNREACHABLE: Option<i32> = Some(3);
/// What `clock-node get` exits with when there is no such key.
const NOT_FOUND: Option<i32> = Some(4);

/// Disproved by a container that does not become healthy, an incident that fails when it is played or played again,
/// a way from station to station past the proxy, a command over `docker attach` that has no effect, or a station
/// that has to be killed.
#[test]
fn five_containers_play_the_incident_as_often_as_one_likes() {
    run_processes(async {
        let Some(project) = Project::build("compose").await else { return };
        project.succeed(["up", "--detach", "--no-build"]).await;
        project.until_healthy(5).await;
        for _ in 0..2 {
            let story = project.succeed(["run", "--rm", "-T", "incident"]).await;
            assert_eq!(story.lines().filter(|line| line.starts_with("PASS: ")).count(), 3, "{story}");
        }
        the_outcome_is_readable_inside_and_outside(&project).await;
        no_station_reaches_another_directly(&project).await;
        the_proxy_obeys_over_attach(&project).await;
        all_stop_when_told(&project).await;
    });
}

async fn the_outcome_is_readable_inside_and_outside(project: &Project) {
    let inside = project.clock_node("pacific", &["get", "MSS-17/attitude"]).await;
    let port = project.published("antarctic").await;
    let outside =
        Command::new(program("clock-node")).args(["get", "MSS-17/attitude", "--at", &port]).output();
    for got in [inside, outside.expect("the program runs")] {
        assert!(got.status.success(), "{got:?}");
        assert!(String::from_utf8_lossy(&got.stdout).contains(OUTCOME), "{got:?}");
    }
}

async fn no_station_reaches_another_directly(project: &Project) {
    let address = project.private_address("antarctic").await;
    for host in ["antarctic", &address] {
        let dialled = ["health", "--timeout", "2s", "--at", &format!("{host}:7777")];
        let answer = project.clock_node("pacific", &dialled).await;
        assert_eq!(answer.status.code(), UNREACHABLE, "{host}: {answer:?}");
    }
}

async fn the_proxy_obeys_over_attach(project: &Project) {
    let mut console = project.attach_to_proxy().await;
    console.command("partition pacific").await;
    let written = project.clock_node("pacific", &["put", "pass/plan", "north first"]).await;
    assert!(written.status.success(), "a station accepts writes without its peers: {written:?}");
    console.command("wait held pacific->* 1 timeout=30s").await;
    let unheard = project.clock_node("antarctic", &["get", "pass/plan"]).await;
    assert_eq!(unheard.status.code(), NOT_FOUND, "{unheard:?}");
    console.leave().await;

    // Somebody else attaches: the proxy outlives whoever was attached, and so do the faults.
    let mut console = project.attach_to_proxy().await;
    let rules = console.command("show rules").await;
    assert!(rules.contains("partition pacific"), "{rules}");
    console.command("heal").await;
    let arrived = async || project.clock_node("antarctic", &["get", "pass/plan"]).await.status.success();
    project.until("the write has crossed the healed partition", arrived).await;
    console.leave().await;
}

/// Each ends by itself: after the grace period it would be killed, and exit with 137.
async fn all_stop_when_told(project: &Project) {
    project.succeed(["stop"]).await;
    for service in ["pacific", "indian_ocean", "atlantic", "antarctic"] {
        assert_eq!(project.exit_code(service).await, "0", "{service}");
    }
    assert_eq!(project.exit_code("proxy").await, "143", "the proxy says which signal ended it");
}

/// Disproved by an instruction that one of the two Dockerfiles has and the other has not.
#[test]
fn the_image_is_the_same_whoever_built_the_programs() {
    let runtime_stage = |path: &str| {
        let file = std::fs::read_to_string(root().join(path)).expect("the file is in the workspace");
        let (_, stage) = file.split_once("FROM scratch\n").expect("it ends with the runtime stage");
        stage.replace("--from=build ", "").replace("/image/", "")
    };
    assert_eq!(runtime_stage("Dockerfile"), runtime_stage("docker/prebuilt.Dockerfile"));
}

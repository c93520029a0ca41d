//! Toxiproxy's API, row by row: statuses, content types, bodies, errors.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod web;

use clock_proxy::topology::Blueprint;
use web::{Web, listener};

const JSON: Option<&str> = Some("application/json");
const TEXT: Option<&str> = Some("text/plain; charset=utf-8");

/// Method, path, body; status, content type, body.
type Row = (&'static str, &'static str, &'static str, u16, Option<&'static str>, &'static str);

async fn check(web: &Web, rows: &[Row]) {
    for (method, path, body, status, content_type, expected) in rows {
        let answer = web.ask(method, path, body).await;
        let said = format!("{method} {path} {body}: {answer:?}");
        assert_eq!(answer.status, *status, "{said}");
        assert_eq!(answer.body, *expected, "{said}");
        assert_eq!(answer.header("content-type"), *content_type, "{said}");
        let id = answer.header("x-toxiproxy-request-id").unwrap_or_default();
        assert_eq!(id.len(), 20, "{said}");
    }
}

#[tokio::test]
async fn every_row_of_the_api_is_answered_to_the_byte() {
    let version = Some("application/json;charset=utf-8");
    let idle = r#"{"name":"p","listen":"localhost:1","upstream":"up:1","enabled":false,"toxics":[]}"#;
    let toxic = r#"{"attributes":{"latency":5,"jitter":0},"name":"latency_DownStream","type":"latency","stream":"DownStream","toxicity":1}"#;
    let updated = r#"{"attributes":{"latency":5,"jitter":9},"name":"latency_DownStream","type":"latency","stream":"DownStream","toxicity":0.5}"#;
    let aliased = r#"{"attributes":{},"name":"n","type":"noop","stream":"upstream","toxicity":0}"#;
    let both = format!("[{aliased},{updated}]");
    let full = idle.replace("[]", &both);
    let by_name = format!(r#"{{"p":{full}}}"#);
    let rows: &[Row] = &[
        ("GET", "/version", "", 200, version, "{\"version\": \"2.12.0\"}\n"),
        ("GET", "/proxies", "", 200, JSON, "{}"),
        ("POST", "/populate", "[]", 201, JSON, r#"{"proxies":[]}"#),
        (
            "POST",
            "/proxies",
            r#"{"name":"p","listen":"localhost:1","upstream":"up:1","enabled":false,"x":1}"#,
            201,
            JSON,
            idle,
        ),
        ("GET", "/proxies/p", "", 200, JSON, idle),
        ("GET", "/proxies/%70", "", 200, JSON, idle),
        ("PATCH", "/proxies/p", r#"{"name":"q"}"#, 200, JSON, idle),
        ("POST", "/proxies/p", "{}", 200, JSON, idle),
        ("GET", "/proxies/p/toxics", "", 200, JSON, "[]"),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"latency","stream":"DownStream","attributes":{"latency":5,"zzz":"?"}}"#,
            200,
            JSON,
            toxic,
        ),
        ("GET", "/proxies/p/toxics/latency_DownStream", "", 200, JSON, toxic),
        (
            "PATCH",
            "/proxies/p/toxics/latency_DownStream",
            r#"{"name":"x","type":"noop","stream":"upstream","toxicity":0.5,"attributes":{"jitter":9}}"#,
            200,
            JSON,
            updated,
        ),
        ("POST", "/proxies/p/toxics/latency_DownStream", "{}", 200, JSON, updated),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"noop","name":"n","direction":"upstream","toxicity":0}"#,
            200,
            JSON,
            aliased,
        ),
        ("GET", "/proxies/p/toxics", "", 200, JSON, Box::leak(both.into_boxed_str())),
        ("GET", "/proxies", "", 200, JSON, Box::leak(by_name.into_boxed_str())),
        ("DELETE", "/proxies/p/toxics/n", "", 204, None, ""),
        ("DELETE", "/proxies/p/toxics/latency_DownStream", "", 204, None, ""),
        ("GET", "/proxies/p", "", 200, JSON, idle),
        ("DELETE", "/proxies/p", "", 204, None, ""),
        ("POST", "/reset", "", 204, None, ""),
        ("GET", "/proxies", "", 200, JSON, "{}"),
    ];
    check(&Web::new().await, rows).await;
}

#[tokio::test]
async fn every_refusal_is_answered_to_the_byte() {
    let web = Web::new().await;
    web.expect(201, "POST", "/proxies", r#"{"name":"p","upstream":"up:1","enabled":false}"#).await;
    web.expect(200, "POST", "/proxies/p/toxics", r#"{"type":"noop","name":"n"}"#).await;
    let no_proxy = "{\"error\":\"proxy not found\",\"status\":404}\n";
    let no_toxic = "{\"error\":\"toxic not found\",\"status\":404}\n";
    let no_name = "{\"error\":\"missing required field: name\",\"status\":400}\n";
    let no_stream =
        "{\"error\":\"stream was invalid, can be either upstream or downstream\",\"status\":400}\n";
    let no_type = "{\"error\":\"invalid toxic type\",\"status\":400}\n";
    let eof = "{\"error\":\"bad request body: EOF\",\"status\":400}\n";
    let rows: &[Row] = &[
        ("GET", "/", "", 404, TEXT, "404 page not found\n"),
        ("GET", "/proxies/", "", 404, TEXT, "404 page not found\n"),
        ("GET", "/version/", "", 404, TEXT, "404 page not found\n"),
        ("PUT", "/proxies", "", 405, None, ""),
        ("GET", "/reset", "", 405, None, ""),
        ("POST", "/version", "", 405, None, ""),
        ("DELETE", "/proxies/p/toxics", "", 405, None, ""),
        ("GET", "/proxies/x", "", 404, TEXT, no_proxy),
        ("PATCH", "/proxies/x", "{", 404, TEXT, no_proxy),
        ("DELETE", "/proxies/x", "", 404, TEXT, no_proxy),
        ("GET", "/proxies/x/toxics", "", 404, TEXT, no_proxy),
        ("POST", "/proxies/x/toxics", "{}", 404, TEXT, no_proxy),
        ("DELETE", "/proxies/x/toxics/n", "", 404, TEXT, no_proxy),
        ("GET", "/proxies/p/toxics/x", "", 404, TEXT, no_toxic),
        ("PATCH", "/proxies/p/toxics/x", "{}", 404, TEXT, no_toxic),
        ("DELETE", "/proxies/p/toxics/x", "", 404, TEXT, no_toxic),
        ("POST", "/proxies", "", 400, TEXT, eof),
        ("POST", "/proxies", "{}", 400, TEXT, no_name),
        ("POST", "/proxies", r#"{"name":""}"#, 400, TEXT, no_name),
        (
            "POST",
            "/proxies",
            r#"{"name":"q"}"#,
            400,
            TEXT,
            "{\"error\":\"missing required field: upstream\",\"status\":400}\n",
        ),
        (
            "POST",
            "/proxies",
            r#"{"name":"p","upstream":"x:1"}"#,
            409,
            TEXT,
            "{\"error\":\"proxy already exists\",\"status\":409}\n",
        ),
        ("POST", "/proxies/p/toxics", r#"{"type":"noop","stream":"sideways"}"#, 400, TEXT, no_stream),
        ("POST", "/proxies/p/toxics", r#"{"type":"cut"}"#, 400, TEXT, no_type),
        ("POST", "/proxies/p/toxics", "{}", 400, TEXT, no_type),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"latency","name":"n"}"#,
            409,
            TEXT,
            "{\"error\":\"toxic already exists\",\"status\":409}\n",
        ),
        (
            "POST",
            "/populate",
            r#"[{"name":"a","upstream":"x:1"},{"name":"b"}]"#,
            400,
            JSON,
            r#"{"error":"missing required field: upstream at proxy 2","status":400,"proxies":[]}"#,
        ),
    ];
    check(&web, rows).await;
}

#[tokio::test]
async fn wrong_types_and_impossible_numbers_are_bad_bodies() {
    let web = Web::new().await;
    web.expect(201, "POST", "/proxies", r#"{"name":"p","upstream":"up:1","enabled":false}"#).await;
    web.expect(200, "POST", "/proxies/p/toxics", r#"{"type":"latency"}"#).await;
    let toxics = "/proxies/p/toxics";
    let rows = [
        ("POST", "/proxies", r#"{"name":5,"upstream":"x:1"}"#),
        ("POST", "/proxies", r#"{"name":"q","upstream":"x:1","enabled":"yes"}"#),
        ("POST", "/proxies", r#"{"name":"q","upstream":"x:1","toxics":{}}"#),
        ("POST", "/proxies", "[]"),
        ("PATCH", "/proxies/p", r#"{"enabled":1}"#),
        ("POST", toxics, r#"{"type":"latency","name":"x","attributes":{"latency":"100"}}"#),
        ("POST", toxics, r#"{"type":"latency","name":"x","attributes":{"latency":1.5}}"#),
        ("POST", toxics, r#"{"type":"noop","name":"x","toxicity":"1"}"#),
        ("POST", toxics, r#"{"type":"noop","name":"x","toxicity":-3}"#),
        ("POST", toxics, r#"{"type":"noop","name":"x","toxicity":7}"#),
        ("POST", toxics, r#"{"type":"noop","name":"x","attributes":[]}"#),
        ("PATCH", "/proxies/p/toxics/latency_downstream", r#"{"attributes":{"jitter":true}}"#),
        ("POST", "/populate", "{}"),
    ];
    for (method, path, body) in rows {
        let answer = web.ask(method, path, body).await;
        assert_eq!(answer.status, 400, "{method} {path} {body}: {answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("bad request body: "), "{body}: {error}");
    }
    let unchanged = web.expect(200, "GET", "/proxies/p/toxics", "").await;
    assert_eq!(unchanged.as_array().unwrap().len(), 1);
    assert_eq!(unchanged[0]["attributes"]["jitter"], 0);
}

#[tokio::test]
async fn browsers_are_refused_everywhere() {
    let web = Web::new().await;
    for (method, path) in [("GET", "/version"), ("POST", "/v1/command"), ("POST", "/reset")] {
        let answer = web.ask_as(method, path, "quit", "Mozilla/5.0 (X11)").await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "User agent not allowed\n"), "{path}");
        assert!(answer.header("x-toxiproxy-request-id").is_some());
    }
    assert_eq!(web.ask_as("GET", "/version", "", "curl/8 (not Mozilla/5.0)").await.status, 200);
}

#[tokio::test]
async fn addresses_are_resolved_and_the_real_ones_are_shown() {
    let web = Web::new().await;
    let missing = web.expect(201, "POST", "/proxies", r#"{"name":"a","upstream":"x:1"}"#).await;
    let listen = missing["listen"].as_str().unwrap();
    assert!(listen.starts_with("[::]:") || listen.starts_with("0.0.0.0:"), "{listen}");
    assert!(!listen.ends_with(":0"), "{listen}");
    let body = r#"{"name":"b/c d","listen":"localhost:0","upstream":"x:1"}"#;
    let named = web.expect(201, "POST", "/proxies", body).await;
    let listen = named["listen"].as_str().unwrap().to_owned();
    assert!(listen.starts_with("127.0.0.1:") && !listen.ends_with(":0"), "{listen}");
    assert_eq!(web.expect(200, "GET", "/proxies/b%2Fc%20d", "").await["listen"], listen);

    let again = format!(r#"{{"name":"c","listen":"{listen}","upstream":"x:1"}}"#);
    let refused = web.ask("POST", "/proxies", &again).await;
    let expected = format!("listen tcp {listen}: bind: address already in use");
    assert_eq!((refused.status, refused.json()["error"].as_str()), (500, Some(expected.as_str())));
    assert_eq!(web.ask("GET", "/proxies/c", "").await.status, 404);
    let bad = r#"{"name":"c","listen":"local373","upstream":"x:1"}"#;
    let refused = web.ask("POST", "/proxies", bad).await;
    assert_eq!(refused.json()["error"], "listen tcp: address local373: missing port in address");
}

#[tokio::test]
async fn populate_keeps_what_is_the_same_and_says_what_it_made_before_an_error() {
    let web = Web::new().await;
    let first = r#"[{"name":"one","listen":"localhost:0","upstream":"x:1"}]"#;
    let made = web.expect(201, "POST", "/populate", first).await;
    let listen = made["proxies"][0]["listen"].as_str().unwrap().to_owned();
    web.expect(200, "POST", "/proxies/one/toxics", r#"{"type":"noop"}"#).await;
    let port = listen.rsplit(':').next().unwrap();
    let same = format!(r#"[{{"name":"one","listen":"localhost:{port}","upstream":"x:1"}}]"#);
    let kept = web.expect(201, "POST", "/populate", &same).await;
    assert_eq!(kept["proxies"][0]["listen"], listen);
    assert_eq!(kept["proxies"][0]["toxics"].as_array().unwrap().len(), 1);
    let moved = format!(
        r#"[{{"name":"one","listen":"localhost:{port}","upstream":"y:1"}},{{"name":"two","listen":"nowhere","upstream":"x:1"}},{{"name":"three","upstream":"x:1"}}]"#
    );
    let answer = web.ask("POST", "/populate", &moved).await;
    assert_eq!((answer.status, answer.header("content-type")), (500, JSON));
    let answer = answer.json();
    assert_eq!(answer["error"], "listen tcp: address nowhere: missing port in address");
    assert_eq!(answer["status"], 500);
    assert_eq!(answer["proxies"].as_array().unwrap().len(), 1);
    let replaced = web.expect(200, "GET", "/proxies/one", "").await;
    assert_eq!((replaced["upstream"].as_str(), replaced["listen"].as_str()), (Some("y:1"), Some(&*listen)));
    assert!(replaced["toxics"].as_array().unwrap().is_empty());
    assert_eq!(web.ask("GET", "/proxies/three", "").await.status, 404);
    let toxic = r#"[{"name":"t","upstream":"x:1","toxics":[{"type":"latency","attributes":{"latency":7}}]}]"#;
    let made = web.expect(201, "POST", "/populate", toxic).await;
    assert_eq!(made["proxies"][0]["toxics"][0]["name"], "latency_downstream");
}

#[tokio::test]
async fn links_between_stations_are_proxies_that_stay() {
    let server = listener().await;
    let upstream = server.local_addr().unwrap().to_string();
    let blueprint = Blueprint::default().node("a", None).node("b", Some(upstream.parse().unwrap()));
    let web = Web::with(blueprint).await;
    let all = web.expect(200, "GET", "/proxies", "").await;
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["a->b", "b->a"]);
    assert_eq!(all["a->b"]["upstream"], upstream.as_str());
    web.expect(200, "POST", "/proxies/a-%3Eb/toxics", r#"{"type":"noop","stream":"upstream"}"#).await;
    let rules = web.expect(200, "GET", "/v1/rules", "").await;
    assert_eq!(rules["rules"][0]["flows"][0], "a->b");
    assert!(web.expect(200, "GET", "/proxies/b->a/toxics", "").await.as_array().unwrap().is_empty());
    assert_eq!(web.ask("DELETE", "/proxies/a->b", "").await.status, 409);
    assert_eq!(web.ask("PATCH", "/proxies/a-%3Eb", r#"{"listen":"localhost:0"}"#).await.status, 409);
    assert_eq!(web.ask("POST", "/proxies", r#"{"name":"a","upstream":"x:1"}"#).await.status, 409);
    let off = web.expect(200, "PATCH", "/proxies/a-%3Eb", r#"{"enabled":false}"#).await;
    let listen = off["listen"].as_str().unwrap();
    assert!(tokio::net::TcpStream::connect(listen).await.is_err());
    web.expect(200, "PATCH", "/proxies/a-%3Eb", r#"{"enabled":true}"#).await;
    assert!(tokio::net::TcpStream::connect(listen).await.is_ok());
}

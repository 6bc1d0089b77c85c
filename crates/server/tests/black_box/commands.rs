//! Commands that need no running server, and the first start.

use std::os::unix::fs::PermissionsExt as _;

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    client::Client,
    program::{Folder, eventually},
};

#[tokio::test]
async fn it_starts_without_any_configuration_and_says_where() {
    let folder = Folder::new();
    let server = folder.serve();
    assert!(
        server.banner.contains(&format!("docs       http://{}/docs", server.address)),
        "{}",
        server.banner
    );
    let client = server.client();
    assert_eq!(client.get("/health/ready").await.status, StatusCode::OK);
    assert_eq!(client.get("/health/live").await.status, StatusCode::OK);
    assert_eq!(client.get("/docs/").await.status, StatusCode::OK);
    for entry in std::fs::read_dir(folder.path("vestibule-data")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    assert_eq!(server.stop().await.code(), Some(0));
}

#[tokio::test]
async fn metrics_are_on_their_own_listener_only() {
    let folder = Folder::new().with("VESTIBULE_METRICS_LISTEN", "127.0.0.1:0");
    let server = folder.serve();
    let client = server.client();
    client.register("ada").await;
    client.tokens("ada").await;
    assert_eq!(client.get("/metrics").await.status, StatusCode::NOT_FOUND);
    let banner = server.banner.lines().find_map(|line| line.trim().strip_prefix("metrics    http://"));
    let metrics = Client::new(banner.unwrap().strip_suffix("/metrics").unwrap().parse().unwrap());
    let page = metrics.get("/metrics").await;
    assert_eq!(page.status, StatusCode::OK);
    for sample in [
        "vestibule_http_requests_total{method=\"POST\",route=\"/api/v1/token\",status=\"200\"} 1",
        "vestibule_http_request_duration_seconds_bucket{",
        "vestibule_logins_total{",
        "vestibule_sessions_opened_total 1",
        "vestibule_hash_queue_depth 0",
        // What has not happened yet is there too, so that its first time is seen.
        "vestibule_logins_total{outcome=\"rate_limited\"} 0",
        "vestibule_audit_dropped_total 0",
        "vestibule_database_errors_total{operation=\"ping\"} 0",
        concat!("vestibule_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "process_open_fds ",
        "vestibule_hash_queue_wait_seconds_bucket{le=\"0.0001\"}",
        "vestibule_database_operation_duration_seconds_bucket{operation=",
    ] {
        assert!(page.text.contains(sample), "{sample}: {}", page.text);
    }
    assert_every_series_is_described(&page.text);
    assert_eq!(metrics.get("/health/ready").await.status, StatusCode::NOT_FOUND);
}

/// Each metric has its help, and none waits on the idle polling for changes.
fn assert_every_series_is_described(page: &str) {
    for line in page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let ends = ["_bucket", "_sum", "_count"];
        let base = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(page.contains(&format!("# HELP {base} ")), "{line}");
    }
    assert!(!page.contains("duration_seconds_count{operation=\"is_changed_elsewhere\"}"), "{page}");
}

#[tokio::test]
async fn with_json_logs_every_line_is_an_object_and_one_says_where_it_listens() {
    let folder = Folder::new().with("VESTIBULE_LOG__FORMAT", "json");
    let mut server = folder.spawn();
    let ready = eventually("it says that it is ready", async || {
        let lines: Vec<Value> =
            folder.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.into_iter().find(|line| line["message"] == "vestibule is ready")
    });
    let ready = ready.await;
    let client = Client::new(ready["listen"].as_str().unwrap().parse().unwrap());
    assert_eq!(client.get("/health/ready").await.status, StatusCode::OK);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn the_version_is_printed() {
    let folder = Folder::new();
    let ended = folder.run(&["version"]);
    assert_eq!((ended.code, ended.stdout.trim()), (0, concat!("vestibule ", env!("CARGO_PKG_VERSION"))));
    let ended = folder.run(&["version", "--json"]);
    let version: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_description_of_the_api_is_printed_without_touching_any_data() {
    let folder = Folder::new();
    let ended = folder.run(&["openapi"]);
    let description: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(description["paths"]["/api/v1/token"]["post"].is_object());
    assert!(!folder.path("vestibule-data").exists());
}

#[test]
fn every_route_is_listed_with_who_may_call_it() {
    let folder = Folder::new();
    let listed = folder.run(&["routes", "--audit"]).stdout;
    let row = |path: &str, method: &str| {
        let is_it = |line: &&str| line.split_whitespace().take(2).eq([method, path]);
        listed.lines().find(is_it).unwrap_or_default().to_owned()
    };
    assert!(row("/api/v1/users/me", "GET").ends_with("  logged in"), "{listed}");
    assert!(row("/api/v1/audit", "GET").ends_with("  administrators"), "{listed}");
    assert!(row("/api/users/login", "POST").ends_with("  anyone"), "{listed}");
    // Letters are on a page for developers alone.
    assert!(row("/dev/mail", "GET").ends_with("  anyone on this machine"), "{listed}");
    let rows: Value = serde_json::from_str(&folder.run(&["routes", "--json"]).stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), listed.lines().count() - 1);
    assert!(rows[0]["who"].is_null() && rows[0]["path"].is_string());
    std::fs::write(folder.path("vestibule.toml"), "[mail]\nmode = \"off\"\n").unwrap();
    let without_mail = folder.run(&["routes"]).stdout;
    assert!(without_mail.contains("/api/v1/audit") && !without_mail.contains("/dev/mail"), "{without_mail}");
    assert!(!folder.path("vestibule-data").exists());
}

#[tokio::test]
async fn the_printed_description_is_the_served_one() {
    let folder = Folder::new();
    let printed: Value = serde_json::from_str(&folder.run(&["openapi"]).stdout).unwrap();
    let server = folder.serve();
    assert_eq!(server.client().get("/openapi.json").await.json(), printed);
}

#[tokio::test]
async fn the_health_check_tells_a_ready_server_from_none() {
    let folder = Folder::new();
    let server = folder.serve();
    let address = server.address.to_string();
    let here = ["healthcheck", "--config", "other.toml"];
    folder.write("other.toml", "");
    let beside = Folder::new().with("VESTIBULE_LISTEN", &address);
    beside.write("other.toml", "");
    assert_eq!(beside.run(&here).code, 0);
    assert_eq!(server.stop().await.code(), Some(0));
    let ended = beside.run(&here);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("does not answer"), "{ended:?}");
    assert_eq!(folder.run(&here).code, 2, "nobody knows the port that was chosen");
}

/// What is printed can be configured as it stands; nothing is made.
#[test]
fn what_passwords_may_cost_is_measured_and_can_be_configured() {
    let folder = Folder::new();
    let ended = folder.run(&["hash", "calibrate", "--target", "5ms"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.stderr.contains("measuring 19456 KiB, 2 passes") && !ended.stderr.contains('\r'),
        "{ended:?}"
    );
    assert!(!folder.path("vestibule-data").exists());
    folder.write("vestibule.toml", &ended.stdout);
    assert_eq!(folder.run(&["config", "check"]).code, 0, "{ended:?}");

    let arguments = ["hash", "calibrate", "--target", "300ms", "--max-memory-kib", "20480", "--json"];
    let ended = Folder::new().with("VESTIBULE_PASSWORDS__THREADS", "1").run(&arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let recommended = &report["recommended"];
    let memory = recommended["memory_kib"].as_u64().unwrap();
    assert!((19_456..=20_480).contains(&memory), "{report}");
    assert!(recommended["milliseconds"].as_f64().unwrap() > 0.0 && report["threads"] == 1, "{report}");
    let measured = report["measured"].as_array().unwrap();
    assert!((1..=6).contains(&measured.len()), "{report}");
    let configured = &report["configured"];
    assert_eq!(
        (&configured["memory_kib"], &configured["iterations"]),
        (&json!(19_456), &json!(2)),
        "{report}"
    );
    assert!(configured["milliseconds"].as_f64().unwrap() > 0.0, "{report}");
    assert!(report["logins_per_second"].as_f64().unwrap() > 0.0, "{report}");
    for wrong in [&["--target", "50"][..], &["--target", "1h"], &["--max-memory-kib", "8"]] {
        assert_eq!(folder.run(&[&["hash", "calibrate"], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn mistakes_on_the_command_line_exit_2() {
    let folder = Folder::new();
    for arguments in [&["sever"][..], &["serve", "--port", "1"], &["admin", "create"], &[]] {
        assert_eq!(folder.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(folder.run(&["--help"]).code, 0);
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let folder = Folder::new();
    let server = folder.serve();
    let other = Folder::new().with("VESTIBULE_LISTEN", &server.address.to_string());
    let ended = other.run(&["serve"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("cannot listen on"), "{ended:?}");
    assert!(!other.path("vestibule-data").exists(), "a start that failed leaves nothing behind");
}

//! Every metric: the one table that `/metrics` and `docs/metrics.md` follow.

use std::fmt::Write as _;

use metrics::{Label, Unit};

/// What a metric measures with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often how long, in seconds.
    Histogram,
}

/// How the series of a metric differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// There is one series.
    None,
    /// By one label whose values are known: each series is there from the start, so that its first event is seen.
    Known(&'static str, &'static [&'static str]),
    /// By labels whose series come with the first event.
    Open(&'static [&'static str]),
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its stable name.
    pub name: &'static str,
    /// What it measures with.
    pub kind: Kind,
    /// How its series differ.
    pub labels: Labels,
    /// What it counts, without a full stop.
    pub help: &'static str,
}

const fn metric(name: &'static str, kind: Kind, labels: Labels, help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// What a login comes to.
const OUTCOMES: &[&str] = &[
    "success",
    "invalid_credentials",
    "account_disabled",
    "deletion_pending",
    "vetoed",
    "email_not_confirmed",
    "unknown_account",
    "captcha_failed",
    "captcha_unavailable",
    "abandoned",
    "rate_limited",
    "account_failures",
    "device_failures",
    "overloaded",
    "unavailable",
    "internal",
];

/// The operations of the store.
const OPERATIONS: &[&str] = &[
    "insert_account",
    "find_account",
    "find_credentials",
    "update_password_hash",
    "insert_permission",
    "open_session",
    "rotate_session",
    "list_sessions",
    "find_session_owner",
    "revoke_session",
    "revoke_other_sessions",
    "cut_off_account",
    "cut_off_everyone",
    "list_revocations",
    "list_signing_keys",
    "insert_first_signing_key",
    "rotate_signing_key",
    "update_wrapped_key",
    "record_audit",
    "list_audit",
    "page_audit",
    "delete_expired",
    "is_changed_elsewhere",
    "ping",
    "change_account",
    "delete_account",
    "put_avatar",
    "find_avatar",
    "delete_avatar",
    "list_known_devices",
    "request_deletion",
    "restore_account",
    "delete_due_accounts",
    "black_out",
    "find_blackout_notice",
    "delete_blackout_notice",
    "unlock_account",
    "list_accounts",
    "search_accounts",
    "list_disabled_accounts",
    "search_audit",
    "queue_errand",
    "claim_errand",
    "finish_errand",
    "postpone_errand",
    "count_errands",
    "issue_link",
    "find_link",
    "count_code_attempt",
    "confirm_address",
    "keep_registration",
    "find_registration",
    "complete_registration",
    "reset_password",
    "replace_password",
    "change_password",
    "issue_setup_link",
    "is_setup_link_good",
    "insert_first_admin",
];

/// Every metric but those of the process.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    metric("vestibule_build_info", Kind::Gauge, Labels::Open(&["version"]), "Always 1; the label says which version runs"),
    metric("vestibule_http_requests_total", Kind::Counter, Labels::Open(&["method", "route", "status"]), "Requests answered; the route is its template, never a path"),
    metric("vestibule_http_request_duration_seconds", Kind::Histogram, Labels::Open(&["method", "route"]), "Time from a request's head to its answer's head"),
    metric("vestibule_accept_errors_total", Kind::Counter, Labels::None, "Connections that the system did not let us accept"),
    metric("vestibule_logins_total", Kind::Counter, Labels::Known("outcome", OUTCOMES), "Logins tried"),
    metric("vestibule_registrations_total", Kind::Counter, Labels::None, "Accounts that people made"),
    metric("vestibule_sessions_opened_total", Kind::Counter, Labels::None, "Sessions opened, by a login or a registration"),
    metric("vestibule_sessions_refreshed_total", Kind::Counter, Labels::Known("outcome", &["rotated", "repeated", "reuse"]), "Refresh tokens presented: used for the first time, again within the grace, or again after it"),
    metric("vestibule_sessions_ended_total", Kind::Counter, Labels::None, "Sessions ended before their time, by logout, revocation or a later login"),
    metric("vestibule_hash_queue_depth", Kind::Gauge, Labels::None, "Passwords waiting for a hashing thread"),
    metric("vestibule_hash_queue_wait_seconds", Kind::Histogram, Labels::None, "How long a password waited for a thread"),
    metric("vestibule_hash_duration_seconds", Kind::Histogram, Labels::None, "How long hashing a password took"),
    metric("vestibule_hash_rejected_total", Kind::Counter, Labels::None, "Passwords turned away because the queue was full"),
    metric("vestibule_breached_checks_failed_total", Kind::Counter, Labels::None, "New passwords taken without a look into passwords.breached_file, because it gave no answer"),
    metric("vestibule_database_retries_total", Kind::Counter, Labels::None, "Attempts repeated on PostgreSQL, after a conflict or on another connection"),
    metric("vestibule_redis_up", Kind::Gauge, Labels::Open(&[]), "Whether limits are counted in Redis (1) or by this node alone (0); only where redis_url is set"),
    metric("vestibule_redis_fallbacks_total", Kind::Counter, Labels::Open(&["operation"]), "Attempts counted or given back without Redis, because it was away or slow"),
    metric("vestibule_captchas_total", Kind::Counter, Labels::Open(&["action", "outcome"]), "Captchas asked for at `register` and `login`: passed, failed, unavailable because the provider was away, or let_through although it was"),
    metric("vestibule_errands_total", Kind::Counter, Labels::Open(&["kind", "outcome"]), "Attempts at errands, which are mostly mails: done, postponed or abandoned"),
    metric("vestibule_hooks_refused_total", Kind::Counter, Labels::Open(&["hook", "outcome"]), "Callbacks of an application that vetoed or failed"),
    metric("vestibule_errands_waiting", Kind::Gauge, Labels::None, "Errands in the outbox, those that are being run included"),
    metric("vestibule_errands_oldest_seconds", Kind::Gauge, Labels::None, "How long the oldest errand has been in the outbox"),
    metric("vestibule_audit_dropped_total", Kind::Counter, Labels::None, "Audit events lost because the queue was full"),
    metric("vestibule_database_operation_duration_seconds", Kind::Histogram, Labels::Open(&["operation"]), "How long the store took, waiting included; looking for changes is left out"),
    metric("vestibule_database_errors_total", Kind::Counter, Labels::Known("operation", OPERATIONS), "Operations that the store could not do"),
];

/// The metrics of the process, which Prometheus calls so everywhere; read from `/proc`, on Linux only.
pub const PROCESS: &[Metric] = &[
    metric("process_cpu_seconds_total", Kind::Counter, Labels::None, "Processor time used, in seconds"),
    metric("process_resident_memory_bytes", Kind::Gauge, Labels::None, "Memory in use, in bytes"),
    metric("process_open_fds", Kind::Gauge, Labels::None, "Open file descriptors"),
    metric(
        "process_start_time_seconds",
        Kind::Gauge,
        Labels::None,
        "When the process began to record, in seconds since 1970",
    ),
];

impl Kind {
    /// The name that Prometheus gives it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Tells the recorder what each metric means, and begins those at 0 whose first event must be seen.
pub(super) fn announce() {
    for metric in METRICS {
        let (name, help) = (metric.name, metric.help);
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(name, help),
            Kind::Gauge => metrics::describe_gauge!(name, help),
            Kind::Histogram => metrics::describe_histogram!(name, Unit::Seconds, help),
        }
        match (metric.kind, metric.labels) {
            (Kind::Counter, Labels::None) => metrics::counter!(name).increment(0),
            (Kind::Counter, Labels::Known(label, values)) => {
                for value in values {
                    metrics::counter!(name, vec![Label::new(label, *value)]).increment(0);
                }
            }
            (Kind::Gauge, Labels::None) => metrics::gauge!(name).increment(0.0),
            _ => {}
        }
    }
    metrics::gauge!("vestibule_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

const INTRODUCTION: &str = "# Metrics

<!-- Written from crates/server/src/metrics/table.rs; `UPDATE_DOCS=1 cargo test -p vestibule-server` writes it anew. -->

`GET /metrics` on `metrics_listen` answers in the text format of Prometheus. Names and labels are an API: none changes
its meaning. Labels hold routes, outcomes and operations, never what a request said, so that no stranger can make new
series. Counters whose labels are known begin at 0.

| metric | type | labels | what it counts |
|---|---|---|---|
";

/// The text of the documentation.
#[must_use]
pub fn render() -> String {
    let mut text = INTRODUCTION.to_owned();
    for metric in METRICS {
        push_row(&mut text, metric);
    }
    text.push_str(
        "\nOf the process, on Linux:\n\n| metric | type | labels | what it counts |\n|---|---|---|---|\n",
    );
    for metric in PROCESS {
        push_row(&mut text, metric);
    }
    text
}

fn push_row(text: &mut String, metric: &Metric) {
    let labels = match metric.labels {
        Labels::None | Labels::Open([]) => "none".to_owned(),
        Labels::Open(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        // The operations are many, and named as the methods of the store.
        Labels::Known(name, values) if values.len() > 8 => format!("`{name}`"),
        Labels::Known(name, values) => {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{name}`: {}", values.join(", "))
        }
    };
    let _ = writeln!(text, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind.as_str(), metric.help);
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
        found.filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect()
    }

    #[test]
    fn the_documentation_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(path, render()).unwrap();
        }
        let written = fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == render(),
            "docs/metrics.md is stale: run UPDATE_DOCS=1 cargo test -p vestibule-server"
        );
    }

    #[test]
    fn every_metric_that_is_recorded_is_in_the_table() {
        let known: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(known.len(), METRICS.len());
        let crates = Path::new(CRATES).read_dir().unwrap().map(|entry| entry.unwrap().path().join("src"));
        for path in crates.filter(|path| path.is_dir()).flat_map(|path| sources(&path)) {
            let text = fs::read_to_string(&path).unwrap();
            for quoted in text.split('"').skip(1) {
                let is_name = quoted.starts_with("vestibule_")
                    && ["_total", "_seconds", "_depth", "_info", "_up", "_waiting"]
                        .iter()
                        .any(|end| quoted.ends_with(end));
                assert!(!is_name || known.contains(quoted), "add {quoted} of {} to METRICS", path.display());
            }
        }
    }

    #[test]
    fn the_operations_are_those_of_the_store() {
        let ports = Path::new(CRATES).join("core/src/ports");
        let mut files = sources(&ports.join("store"));
        files.push(ports.join("store.rs"));
        let port: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let methods = port.split("async fn ").skip(1).filter_map(|rest| rest.split('(').next());
        // One ends the store, the other only waits: neither is work that could be slow.
        let is_work = |name: &&str| !["close", "hear_of_changes"].contains(name);
        let methods: BTreeSet<_> = methods.filter(is_work).collect();
        assert_eq!(OPERATIONS.iter().copied().collect::<BTreeSet<_>>(), methods);
    }
}

//! What operators see of a loss: one warning, one gauge, and never a password.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusBuilder;
use tracing_subscriber::fmt::MakeWriter;
use vestibule_core::ports::throttle::Throttle as _;
use vestibule_testkit::{contract::throttle::login_from, servers::RedisServer};

use super::servers::{eventually, start};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs on this thread alone, so that the recorder and the log are this test's own.
#[test]
fn a_loss_is_told_once_and_measured() {
    let server = RedisServer::start_with_password();
    let url = server.url();
    let password = url.trim_start_matches("redis://:").split('@').next().unwrap();
    let log = Log::default();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let count_ten = async |throttle: &vestibule_redis::RedisThrottle| {
        for _ in 0..10 {
            throttle.count(&login_from("192.0.2.7"), 100, Duration::from_hours(1)).await.unwrap();
        }
    };
    let story = async {
        let throttle = start(&url, "a").await;
        count_ten(&throttle).await;
        assert!(metrics.render().contains("\nvestibule_redis_up 1\n"), "{}", metrics.render());
        assert!(metrics.render().contains("\nvestibule_redis_fallbacks_total{operation=\"refund\"} 0\n"));
        server.stop();
        count_ten(&throttle).await;
        assert!(metrics.render().contains("\nvestibule_redis_up 0\n"));
        let fallbacks = "\nvestibule_redis_fallbacks_total{operation=\"count\"} 10\n";
        assert!(metrics.render().contains(fallbacks), "{}", metrics.render());
        server.start_again();
        eventually("Redis is found again", async || throttle.is_shared()).await;
        assert!(metrics.render().contains("\nvestibule_redis_up 1\n"));
    };
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || runtime.block_on(story));
    });
    let text = log.text();
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
    assert!(text.contains("Redis is lost") && text.contains("Redis is back"), "{text}");
    assert!(!text.contains(password), "{text}");
}

#[test]
fn a_wrong_password_is_a_warning_without_it() {
    let server = RedisServer::start_with_password();
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let throttle = start(&format!("redis://ada:guessed@{}", server.address()), "a").await;
            assert!(!throttle.is_shared());
        });
    });
    let text = log.text();
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
    assert!(text.contains(&server.address().to_string()) && text.contains("authentication failed"), "{text}");
    assert!(!text.contains("guessed") && !text.contains("ada"), "{text}");
}

#[test]
fn a_key_of_another_type_is_told_once() {
    let server = RedisServer::start();
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let throttle = start(&server.url(), "a").await;
            server.cli(&["SET", "a:throttle:{login/192.0.2.7}", "theirs"]);
            for _ in 0..10 {
                throttle.count(&login_from("192.0.2.7"), 100, Duration::from_hours(1)).await.unwrap();
            }
            assert!(throttle.is_shared());
        });
    });
    let text = log.text();
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
    assert!(text.contains("cannot be used") && text.contains("a:throttle:{login/192.0.2.7}"), "{text}");
    assert!(text.contains("WRONGTYPE") && !text.contains("is lost"), "{text}");
}

use std::{
    env,
    net::TcpStream,
    path::Path,
    process::{self, Command},
    thread,
    time::Duration,
};

use vestibule_testkit::servers::{PostgresServer, RedisServer};

/// Set in the process that comes to a sudden end.
const VICTIM: &str = "VESTIBULE_TEST_VICTIM";

#[test]
fn what_a_killed_process_leaves_is_ended_and_removed() {
    if env::var_os(VICTIM).is_some() {
        come_to_a_sudden_end();
    }
    let mut victim = Command::new(env::current_exe().unwrap());
    victim.args(["--exact", "servers::watchdog::what_a_killed_process_leaves_is_ended_and_removed"]);
    let output = victim.arg("--nocapture").env(VICTIM, "yes").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).expect("it got that far");
    let (folder, postgres, redis) = (said("folder "), said("postgres "), said("redis "));

    let is_gone = || {
        !Path::new(folder).exists()
            && [postgres, redis].iter().all(|address| TcpStream::connect(address).is_err())
    };
    let mut looks = (0..3_000).map(|_| thread::sleep(Duration::from_millis(10)));
    assert!(looks.any(|()| is_gone()), "{text}");
}

fn come_to_a_sudden_end() -> ! {
    let (postgres, redis) = (PostgresServer::shared(), RedisServer::start());
    println!("\nfolder {}", postgres.psql("postgres", "SHOW data_directory"));
    println!("postgres {}\nredis {}", postgres.address(), redis.address());
    process::abort();
}

use std::{net::TcpStream, process::Command};

use vestibule_testkit::servers::{PgBouncer, PostgresServer};

#[test]
fn clients_share_what_is_behind_it() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    let pooler = PgBouncer::start(server);
    let process = || {
        let url = database.url_at(pooler.address());
        let sql = "SELECT current_user, pg_backend_pid()";
        let output = Command::new("psql").args([&url, "-X", "-A", "-t", "-c", sql]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let first = process();
    assert!(first.starts_with("vestibule|"), "{first}");
    assert_eq!(process(), first);

    pooler.stop();
    TcpStream::connect(pooler.address()).unwrap_err();
    pooler.start_again();
    assert!(process().starts_with("vestibule|"));
}

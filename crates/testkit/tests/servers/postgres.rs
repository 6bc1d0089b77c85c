use std::net::TcpStream;

use vestibule_testkit::servers::{PostgresServer, Shutdown};

#[test]
fn databases_are_empty_their_own_and_gone_afterwards() {
    let server = PostgresServer::shared();
    let (one, other) = (server.fresh_database(), server.fresh_database());
    one.psql("CREATE TABLE things (id int); INSERT INTO things VALUES (1), (2)");
    assert_eq!(one.psql("SELECT id, 'x' FROM things"), "1|x\n2|x");
    assert_eq!(other.psql("SELECT count(*) FROM pg_tables WHERE tablename = 'things'"), "0");

    let copy = server.copy_of(&one);
    assert_eq!(copy.psql("SELECT count(*) FROM things"), "2");
    assert_eq!(copy.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'vestibule'"), "f");

    let name = copy.name().to_owned();
    drop(copy);
    assert_eq!(server.psql("postgres", &format!("SELECT FROM pg_database WHERE datname = '{name}'")), "");
}

#[test]
fn it_comes_back_with_what_was_committed_and_leaves_nothing() {
    let server = PostgresServer::start_with_password();
    let database = server.fresh_database();
    assert!(database.url().starts_with("postgres://vestibule:"), "{}", database.url());
    database.psql("CREATE TABLE things (id int)");

    server.stop(Shutdown::Fast);
    TcpStream::connect(server.address()).unwrap_err();
    server.start_again();
    database.psql("INSERT INTO things VALUES (1)");
    server.restart_immediately();
    assert_eq!(database.psql("SELECT count(*) FROM things"), "1");
    assert!(server.log().contains("immediate shutdown"));

    let address = server.address();
    drop(database);
    drop(server);
    TcpStream::connect(address).unwrap_err();
}

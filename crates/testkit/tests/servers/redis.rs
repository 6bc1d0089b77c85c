use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use vestibule_testkit::servers::{RedisCluster, RedisSentinel, RedisServer};

#[test]
fn one_comes_back_empty_and_leaves_nothing() {
    let server = RedisServer::start();
    assert_eq!(server.cli(&["SET", "word", "value"]), "OK");
    server.pause();
    // The kernel still takes connections for it, as for any server that hangs.
    TcpStream::connect(server.address()).unwrap();
    server.resume();
    assert_eq!(server.cli(&["GET", "word"]), "value");

    server.stop();
    TcpStream::connect(server.address()).unwrap_err();
    server.start_again();
    assert_eq!(server.cli(&["GET", "word"]), "");

    let address = server.address();
    server.pause();
    drop(server);
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn one_with_a_password_wants_it() {
    let server = RedisServer::start_with_password();
    assert_eq!(server.cli(&["PING"]), "PONG");
    assert!(server.url().starts_with("redis://:"), "{}", server.url());

    let mut stranger = TcpStream::connect(server.address()).unwrap();
    stranger.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    stranger.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"-NOAUTH");
}

#[test]
fn a_cluster_shares_the_keys() {
    let cluster = RedisCluster::start(3);
    let [first, ..] = cluster.nodes() else { panic!("no nodes") };
    for key in ["a", "b", "c", "d"] {
        assert_eq!(first.cli(&["-c", "SET", key, key]), "OK");
    }
    assert!(cluster.nodes().iter().all(|node| node.cli(&["DBSIZE"]) != "4"));
    assert_eq!(cluster.urls().len(), 3);
}

#[test]
fn a_sentinel_replaces_a_lost_master() {
    let sentinel = RedisSentinel::start();
    let [first, second] = sentinel.servers();
    assert_eq!(sentinel.master(), first.address());
    sentinel.lose_master();
    assert_eq!(sentinel.master(), second.address());
    assert_eq!(second.cli(&["SET", "word", "value"]), "OK");
}

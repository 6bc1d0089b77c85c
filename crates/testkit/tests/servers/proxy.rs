use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use vestibule_testkit::servers::{Proxy, Traffic};

/// A server that sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).unwrap()
}

fn send(mut stream: &TcpStream, text: [u8; 4]) {
    stream.write_all(&text).unwrap();
}

fn receive(mut stream: &TcpStream) -> [u8; 4] {
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn is_cut(mut stream: &TcpStream) -> bool {
    // Reset where something was under way, closed where nothing was.
    stream
        .read(&mut [0])
        .map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |length| length == 0)
}

#[test]
fn it_passes_everything_and_cuts_what_it_is_told_to() {
    let proxy = Proxy::start(echo());
    let stream = connect(&proxy);
    send(&stream, *b"ping");
    assert_eq!(receive(&stream), *b"ping");
    proxy.set(Traffic::Delay(Duration::from_millis(1)));
    send(&stream, *b"late");
    assert_eq!(receive(&stream), *b"late");
    assert_eq!(proxy.connections(), 1);

    proxy.cut();
    assert!(is_cut(&stream));
    let again = connect(&proxy);
    send(&again, *b"back");
    assert_eq!(receive(&again), *b"back");
}

#[test]
fn a_black_hole_keeps_connections_and_passes_nothing() {
    let proxy = Proxy::start(echo());
    let before = connect(&proxy);
    send(&before, *b"ping");
    assert_eq!(receive(&before), *b"ping");

    proxy.set(Traffic::BlackHole);
    let during = connect(&proxy);
    for stream in [&before, &during] {
        send(stream, *b"held");
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let nothing = (&mut &*stream).read(&mut [0]).unwrap_err();
        assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
        stream.set_read_timeout(None).unwrap();
    }

    proxy.set(Traffic::Pass);
    assert_eq!((receive(&before), receive(&during)), (*b"held", *b"held"));
}

#[test]
fn what_is_refused_is_cut_and_comes_back() {
    let proxy = Proxy::start(echo());
    let stream = connect(&proxy);
    send(&stream, *b"ping");
    assert_eq!(receive(&stream), *b"ping");

    proxy.set(Traffic::Refuse);
    assert!(is_cut(&stream));
    // The socket closes a moment after the switch.
    while TcpStream::connect(proxy.address()).is_ok() {
        thread::yield_now();
    }
    proxy.set(Traffic::Pass);
    let again = loop {
        if let Ok(stream) = TcpStream::connect(proxy.address()) {
            break stream;
        }
        thread::yield_now();
    };
    send(&again, *b"back");
    assert_eq!(receive(&again), *b"back");
}

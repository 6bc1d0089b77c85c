//! The password of `admin create`: from a terminal, which does not show it, or from a pipe.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::Stdio,
};

use http::StatusCode;
use nix::pty::openpty;

use crate::{client::PASSWORD, program::Folder};

const CREATE: [&str; 7] =
    ["admin", "create", "--email", "root@people.example", "--username", "root", "--password-stdin"];

#[tokio::test]
async fn a_terminal_asks_for_it_and_does_not_show_it() {
    let folder = Folder::new();
    let terminal = openpty(None, None).unwrap();
    let mut command = folder.command(&CREATE);
    command.stdin(terminal.slave.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut prompt = [0; 10];
    child.stderr.as_mut().unwrap().read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"Password: ");
    let mut keyboard = File::from(terminal.master);
    keyboard.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // It is shown again what is typed now, and nothing was before.
    File::from(terminal.slave).write_all(b"end").unwrap();
    let mut shown = [0; 3];
    keyboard.read_exact(&mut shown).unwrap();
    assert_eq!(&shown, b"end");
    let server = folder.serve();
    assert_eq!(server.client().log_in("root", PASSWORD).await.status, StatusCode::OK);
}

#[test]
fn a_pipe_has_one_line_without_nul() {
    let folder = Folder::new();
    for (input, told) in [
        (format!("{PASSWORD}\nsecond\n"), "more than one line"),
        (format!("{PASSWORD}\0"), "must not contain the character NUL"),
    ] {
        let ended = folder.run_with_input(&CREATE, &input);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains(told) && !ended.stderr.contains(PASSWORD), "{ended:?}");
    }
}

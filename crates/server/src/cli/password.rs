//! A password from standard input: asked for on a terminal without showing it, taken as it comes from a pipe.

use std::io::{self, IsTerminal as _, Read as _, Stdin, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use vestibule::core::values::password::Password;
use zeroize::Zeroizing;

use crate::failure::{Failure, Problem};

/// More than any password may have.
const MAX_INPUT: u64 = 64 * 1024;

pub(super) fn read() -> Result<Password, Failure> {
    let stdin = io::stdin();
    let input = if stdin.is_terminal() { ask(&stdin) } else { take_all(&stdin) };
    let input = input.map_err(|error| {
        Failure::usage(Problem::new(format!("the password cannot be read from standard input: {error}")))
    })?;
    only_line(&input).map(Password::new)
}

fn ask(stdin: &Stdin) -> io::Result<Zeroizing<String>> {
    // Before the prompt, so that nothing typed after it is shown.
    let silence = Silence::on(stdin)?;
    let mut stderr = io::stderr();
    write!(stderr, "Password: ").and_then(|()| stderr.flush())?;
    let mut line = Zeroizing::new(String::new());
    let read = stdin.read_line(&mut line);
    drop(silence);
    // The Enter was not shown either.
    writeln!(stderr)?;
    read.map(|_| line)
}

fn take_all(stdin: &Stdin) -> io::Result<Zeroizing<String>> {
    let mut input = Zeroizing::new(String::new());
    stdin.lock().take(MAX_INPUT).read_to_string(&mut input).map(|_| input)
}

/// The line without its end, which `echo` or Enter adds; spaces belong to the password.
fn only_line(input: &str) -> Result<&str, Failure> {
    let line = input.strip_suffix('\n').unwrap_or(input);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') {
        let problem = Problem::new("standard input has more than one line, and a password is one line");
        return Err(Failure::usage(problem.help("pass the password alone, for example by `printf %s`")));
    }
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn on(terminal: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        // What was typed before the prompt was not meant for it.
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // Where the terminal is gone, there is nothing to show anything on.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_line_is_cut() {
        for (input, password) in [(" two words \n", " two words "), ("a\r\n", "a"), ("a", "a"), ("", "")] {
            assert_eq!(only_line(input).unwrap(), password);
        }
        for input in ["a\nb", "a\n\n", "\na\n"] {
            assert!(only_line(input).is_err(), "{input:?}");
        }
    }
}

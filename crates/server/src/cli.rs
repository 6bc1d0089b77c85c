//! The command line. Never a secret on it: other users of a machine can read it.

mod admin;
mod audit;
mod check;
mod hash;
mod healthcheck;
mod init;
mod keys;
mod migrate;
mod output;
mod password;
mod routes;
mod user;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{config, failure::Failure, openapi, serve};

/// What `--help` ends with.
const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed, or not ready, or something is to be migrated
  2  the command line or the configuration is wrong
  3  the storage is away, in use, or of another version

Environment:
  VESTIBULE_CONFIG  the configuration file
  VESTIBULE_…       every key of it, for example VESTIBULE_TOKENS__ACCESS_TTL=5m";

/// Accounts, login and tokens for web applications, as one server.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, arg_required_else_help = true, propagate_version = true, after_help = AFTER_HELP)]
pub struct CommandLine {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "The configuration file [default: that of VESTIBULE_CONFIG, else ./vestibule.toml if it is there]"
    )]
    config: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server
    Serve,
    /// Write a configuration file with every key, its default and what it does
    Init {
        /// Replace a file that is already there
        #[arg(long)]
        force: bool,
    },
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Bring the database to the schema of this version
    Migrate {
        /// Only say what would be done; exit 1 where there is something to do
        #[arg(long)]
        check: bool,
    },
    /// Manage administrators
    #[command(subcommand)]
    Admin(AdminVerb),
    /// Manage accounts, beside a running server too, which obeys within a second
    #[command(subcommand)]
    User(user::Verb),
    /// Look at what passwords cost
    #[command(subcommand)]
    Hash(hash::Verb),
    /// Look at the audit log
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Manage the keys that sign access tokens
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Print the description of the HTTP API
    Openapi,
    /// List every route
    Routes(routes::Routes),
    /// Ask a running server whether it is ready
    Healthcheck,
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Say whether the configuration is right
    Check,
}

#[derive(Debug, Subcommand)]
enum AdminVerb {
    /// Make an account that may administrate; an existing one is promoted
    Create(NewAdmin),
}

#[derive(Debug, Args)]
struct NewAdmin {
    /// The e-mail address
    #[arg(long)]
    email: String,
    /// The user name; reserved ones are allowed
    #[arg(long)]
    username: String,
    /// Read the password from standard input, the only place it is taken from; a terminal asks for it
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// List the keys, the newest first
    List,
    /// Make a new key; the old ones verify until their last tokens have expired
    ///
    /// Where `tokens.signing_key_file` is set, replace that file and restart instead: every access token ends at once,
    /// and sessions go on by refreshing.
    Rotate {
        /// The old keys are in wrong hands: their tokens die at once
        #[arg(long)]
        compromised: bool,
    },
}

/// Runs one command and gives the exit code.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help goes to standard output, mistakes to standard error.
            let code = error.print().map_or(1, |()| error.exit_code());
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    match command_line.execute() {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

impl CommandLine {
    fn execute(self) -> Result<ExitCode, Failure> {
        let is_json = self.json;
        let load = || config::load(self.config.as_deref());
        match &self.verb {
            Verb::Serve => return Ok(serve(&load()?.config)),
            Verb::Init { force } => init::run(self.config.as_deref(), *force, is_json)?,
            Verb::Config(ConfigVerb::Check) => check::run(&load()?, is_json)?,
            Verb::Migrate { check: true } => return migrate::check(&load()?.config, is_json),
            Verb::Migrate { check: false } => migrate::run(&load()?.config, is_json)?,
            Verb::Admin(AdminVerb::Create(admin)) => admin::create(&load()?.config, admin, is_json)?,
            Verb::User(verb) => user::run(&load()?.config, verb, is_json)?,
            Verb::Hash(hash::Verb::Calibrate(calibrate)) => {
                hash::calibrate(&load()?.config, calibrate, is_json)?;
            }
            Verb::Audit(audit::Verb::Tail(tail)) => audit::tail(&load()?.config, tail, is_json)?,
            Verb::Keys(KeysVerb::List) => keys::list(&load()?.config, is_json)?,
            Verb::Keys(KeysVerb::Rotate { compromised }) => {
                keys::rotate(&load()?.config, *compromised, is_json)?;
            }
            Verb::Openapi => output::line(&openapi::render(&load()?.config)?)?,
            Verb::Routes(options) => routes::list(&load()?.config, options, is_json)?,
            Verb::Healthcheck => healthcheck::run(&load()?.config, is_json)?,
            Verb::Version => version(is_json)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves, and reports a failure where and as the log is written.
fn serve(config: &config::Config) -> ExitCode {
    match serve::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if config.log.format == config::LogFormat::Json => failure.report_as_json(),
        Err(failure) => failure.report(),
    }
}

fn version(is_json: bool) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if is_json {
        output::json(&serde_json::json!({ "name": "vestibule", "version": version }))
    } else {
        output::line(&format!("vestibule {version}"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_password_is_no_argument() {
        let create = ["vestibule", "admin", "create", "--email", "a@b.example", "--username", "ada"];
        assert!(CommandLine::try_parse_from(create).is_err());
        assert!(CommandLine::try_parse_from(create.into_iter().chain(["--password", "x"])).is_err());
        assert!(CommandLine::try_parse_from(create.into_iter().chain(["--password-stdin"])).is_ok());
        let user = ["vestibule", "user", "create", "--email", "a@b.example"];
        assert!(CommandLine::try_parse_from(user).is_err(), "one of the two must be chosen");
        assert!(CommandLine::try_parse_from(user.into_iter().chain(["--password", "x"])).is_err());
        let both = ["--password-stdin", "--no-password"];
        assert!(CommandLine::try_parse_from(user.into_iter().chain(both)).is_err());
        for one in both {
            assert!(CommandLine::try_parse_from(user.into_iter().chain([one])).is_ok());
        }
    }
}

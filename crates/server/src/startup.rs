//! What every command that works on the data begins with: the secret, the store, the hashing threads, the engine.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::{runtime, task::spawn_blocking};
use vestibule::{
    core::{
        Auth, StartError,
        keys::{KeyError, signing::SigningKey},
        ports::{Mailer, Store},
        token::jws::Algorithm,
        values::secret::SecretKey,
    },
    hashing::{HashingConfig, HashingPool},
    sql::Role,
};
use vestibule_redis::RedisThrottle;

use crate::{
    breached_file::BreachedFile,
    captcha,
    config::{Config, Passwords, Tokens},
    failure::{Failure, Problem},
    mail, policy, secret_key, webhook,
};

/// What an engine stands on.
pub struct Foundation {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The hashing threads.
    pub hashing: Arc<HashingPool>,
    /// The counters that nodes share, where there are any.
    throttle: Option<Arc<RedisThrottle>>,
    /// The list of breached passwords, where there is one.
    breached: Option<Arc<BreachedFile>>,
    secret: SecretKey,
    role: Role,
}

impl Foundation {
    /// Opens the store and starts the hashing threads, one beside the other.
    ///
    /// # Errors
    /// Exit code 3 for the store, 2 for what is configured.
    pub async fn lay(config: &Config, role: Role) -> Result<Self, Failure> {
        let breached = open_breached_file(&config.passwords)?.map(Arc::new);
        let secret = secret_key::obtain(config)?;
        let mut costs = config.passwords.hashing();
        if role == Role::Beside {
            // A command hashes one password at most.
            costs.threads = Some(NonZeroUsize::MIN);
        }
        let hashing = spawn_blocking(move || start_hashing(costs));
        let store = config.service.database.open(role).await?;
        let throttle = start_throttle(config, role).await?;
        let hashing = Arc::new(hashing.await.map_err(|error| unexpected(&error))??);
        Ok(Self { store, hashing, throttle, breached, secret, role })
    }

    /// Starts the engine of a server seen from outside at `public_url`.
    ///
    /// # Errors
    /// Exit code 2 for keys that cannot be used, 3 for the store.
    pub async fn engine(
        &self,
        config: &Config,
        public_url: &str,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Arc<Auth>, Failure> {
        let mut builder = Auth::builder(self.store.clone(), self.hashing.clone(), self.secret.clone())
            .previous_secrets(config.secrets.previous.clone())
            .policy(policy::rules(config, public_url))
            .mailer(mailer);
        if let Some(key) = read_signing_key(&config.tokens)? {
            builder = builder.signing_key(key);
        }
        // A command logs nobody in.
        if self.role == Role::Serve
            && let Some(captcha) = captcha::verifier(config, public_url)?
        {
            builder = builder.captcha(Arc::new(captcha));
        }
        if let Some(throttle) = &self.throttle {
            builder = builder.throttle(throttle.clone());
        }
        if let Some(notifier) = webhook::notifier(config)? {
            builder = builder.notifier(notifier);
        }
        if let Some(breached) = &self.breached {
            builder = builder.breached_passwords(breached.clone());
        }
        if self.role == Role::Beside {
            builder = builder.beside();
        }
        builder.start().await.map_err(|error| cannot_start(&error))
    }
}

/// Does something with an engine beside a running server, which notices within a second.
///
/// # Errors
/// What the foundation, the engine or `work` say.
pub fn beside<T>(
    config: &Config,
    work: impl AsyncFnOnce(Arc<Auth>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    on_one_thread(async {
        let foundation = Foundation::lay(config, Role::Beside).await?;
        let public_url = config.service.public_url(config.service.listen);
        let post = mail::post(config, &public_url)?;
        let auth = foundation.engine(config, &public_url, post.mailer).await?;
        let outcome = work(auth).await;
        foundation.store.close().await;
        outcome
    })?
}

/// Refuses to make a database just to look into it.
///
/// # Errors
/// Exit code 3 where there is none.
pub fn require_database(config: &Config) -> Result<(), Failure> {
    let database = &config.service.database;
    let is_there = match database.file() {
        Some(file) => file.exists(),
        None => !on_one_thread(database.check_migrations())??.applied.is_empty(),
    };
    if is_there {
        return Ok(());
    }
    let problem = Problem::new(format!("there is no database at {database} yet"));
    Err(Failure::storage(problem.help("`vestibule serve` makes it; look at data_dir if it should be there")))
}

/// Says where the configured algorithm is not the one in use, which only a rotation changes.
pub fn warn_of_other_algorithm(auth: &Auth, tokens: &Tokens) {
    let signing = auth.list_keys().into_iter().find(|key| key.verifies_until.is_none());
    if let Some(key) = signing.filter(|key| key.algorithm.as_str() != tokens.algorithm) {
        let (configured, used) = (&tokens.algorithm, key.algorithm.as_str());
        tracing::warn!(
            "tokens.algorithm is {configured} but the signing key is {used}; \"vestibule keys rotate\" changes it"
        );
    }
}

/// Runs a future on this thread.
///
/// # Errors
/// The system gives no event queue.
pub fn on_one_thread<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| unexpected(&error))?.block_on(future))
}

/// Keys that cannot be used or changed.
#[must_use]
pub fn bad_keys(error: &KeyError) -> Failure {
    let problem = Problem::new(error.to_string());
    match error {
        KeyError::WrongSecret | KeyError::FromFile | KeyError::ServerHasOldSecret => Failure::usage(problem),
        KeyError::Store(_) | KeyError::Damaged { .. } => Failure::storage(problem),
        _ => Failure::failed(problem),
    }
}

/// Something that the operating system refused.
pub fn unexpected(error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(Problem::new(error.to_string()))
}

fn cannot_start(error: &StartError) -> Failure {
    match error {
        StartError::Keys(error) => bad_keys(error),
        StartError::Store(error) => Failure::storage(Problem::new(error.to_string())),
        other => Failure::usage(Problem::new(other.to_string())),
    }
}

fn start_hashing(costs: HashingConfig) -> Result<HashingPool, Failure> {
    HashingPool::start(costs).map_err(|error| {
        Failure::failed(Problem::new(format!("passwords cannot be hashed on this machine: {error}")))
    })
}

/// Only who serves counts.
async fn start_throttle(config: &Config, role: Role) -> Result<Option<Arc<RedisThrottle>>, Failure> {
    let options = config.redis.options().filter(|_| role == Role::Serve && config.throttle.enabled);
    let Some(options) = options else { return Ok(None) };
    let throttle = RedisThrottle::start(options).await;
    throttle
        .map(|throttle| Some(Arc::new(throttle)))
        .map_err(|error| Failure::usage(Problem::new(error.to_string())))
}

/// The file of breached passwords, where one is named.
///
/// # Errors
/// Exit code 2 for a file that cannot be searched.
pub fn open_breached_file(passwords: &Passwords) -> Result<Option<BreachedFile>, Failure> {
    let Some(path) = &passwords.breached_file else { return Ok(None) };
    BreachedFile::open(path).map(Some).map_err(|error| {
        let help = "it must hold SHA-1 hashes in hexadecimal, one a line and sorted, as `haveibeenpwned-downloader` writes them";
        Failure::usage(Problem::new(error.to_string()).help(help))
    })
}

/// The private key in `tokens.signing_key_file`, where one is named.
///
/// # Errors
/// Exit code 2 for a file that cannot be read, or whose key is none of the configured algorithm.
pub fn read_signing_key(tokens: &Tokens) -> Result<Option<SigningKey>, Failure> {
    let Some(path) = &tokens.signing_key_file else { return Ok(None) };
    let shown = path.display();
    let pem = std::fs::read(path).map(zeroize::Zeroizing::new).map_err(|error| {
        Failure::usage(Problem::new(format!(
            "tokens.signing_key_file names {shown}, which cannot be read: {error}"
        )))
    })?;
    let algorithm = Algorithm::read(&tokens.algorithm).unwrap_or(Algorithm::EdDsa);
    SigningKey::from_pem(&pem, algorithm).map(Some).map_err(|error| {
        let problem =
            Problem::new(format!("the key in {shown} (tokens.signing_key_file) is refused: {error}"));
        Failure::usage(
            problem.help(format!("tokens.algorithm is {}; the key must be one of it", tokens.algorithm)),
        )
    })
}

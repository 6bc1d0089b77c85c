//! Asks a URL as the server asks others, and says what came of it: `cargo run -p vestibule-egress --example ask URL`.
//!
//! This machine may be asked too; private networks, redirects and the environment's proxies are what they are to the server.

use std::{env, error::Error, time::Duration};

use http::HeaderMap;
use vestibule_egress::{Egress, EgressOptions, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("which URL shall be asked?")?;
    let egress =
        Egress::new(EgressOptions { guard: Guard::default().with_loopback(), ..EgressOptions::default() });
    let destination = egress.destination(&url)?.with_timeout(Duration::from_secs(10));
    let answer = egress.get(&destination, HeaderMap::new()).await?;
    println!("{}", answer.status());
    Ok(())
}

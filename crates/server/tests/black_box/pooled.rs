//! Behind PgBouncer: it goes away, or PostgreSQL behind it does, and what was promised holds.

use vestibule_testkit::servers::{Database, PgBouncer, PostgresServer, Shutdown};

use crate::{
    bad_days::{Stage, node},
    program::Folder,
};

/// A node that reaches its database through a pooler that gives each transaction another connection.
fn pooled(database: &Database<'_>, pooler: &PgBouncer) -> Folder {
    node(database, pooler.address()).with("VESTIBULE_POSTGRES__PREPARED", "false")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pooler_is_killed_and_comes_back() {
    let postgres = PostgresServer::start();
    let database = postgres.fresh_database();
    let pooler = PgBouncer::start(&postgres);
    let folder = pooled(&database, &pooler);
    let stage = Stage::set(&folder).await;
    for _ in 0..2 {
        pooler.stop();
        stage.is_away().await;
        pooler.start_again();
        stage.is_back().await;
    }
    // So short that not everybody notices.
    for _ in 0..3 {
        pooler.stop();
        pooler.start_again();
        stage.is_back().await;
    }
    stage.ends_well(&database, &folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_goes_away_behind_the_pooler() {
    let postgres = PostgresServer::start();
    let database = postgres.fresh_database();
    let pooler = PgBouncer::start(&postgres);
    let folder = pooled(&database, &pooler);
    let stage = Stage::set(&folder).await;
    for how in [Shutdown::Immediate, Shutdown::Fast] {
        postgres.stop(how);
        stage.is_away().await;
        postgres.start_again();
        stage.is_back().await;
    }
    for _ in 0..3 {
        postgres.restart_immediately();
        stage.is_back().await;
    }
    stage.ends_well(&database, &folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_go_away_at_once() {
    let postgres = PostgresServer::start();
    let database = postgres.fresh_database();
    let pooler = PgBouncer::start(&postgres);
    let folder = pooled(&database, &pooler);
    let stage = Stage::set(&folder).await;
    postgres.stop(Shutdown::Immediate);
    pooler.stop();
    stage.is_away().await;
    // The pooler is there, and has nobody to speak to.
    pooler.start_again();
    stage.is_away().await;
    postgres.start_again();
    stage.is_back().await;
    stage.ends_well(&database, &folder).await;
}

//! The contract every store keeps, whatever engine it runs on: each method, its conflicts and its races.
//!
//! A store joins with a [`StoreFixture`] and one line, `store_contract!(ItsFixture)`, which makes a test of every case.
//! Whatever a case needs it reaches through the port, so that it does not matter what is behind it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a case fails by panicking"
)]

pub mod accounts;
pub mod administration;
pub mod announcements;
pub mod audit;
pub mod avatars;
pub mod catching_up;
pub mod clocks;
pub mod deletions;
pub mod errands;
pub mod keys;
pub mod known_devices;
pub mod outages;
pub mod processes;
pub mod profiles;
pub mod proofs;
pub mod registrations;
pub mod revocation;
pub mod rotation;
pub mod samples;
pub mod search;
pub mod sessions;
pub mod setup;
pub mod throttle;
pub mod upkeep;

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use vestibule_core::ports::store::Store;

/// A place of its own for one case.
#[async_trait]
pub trait StoreFixture: Send + Sync + Sized {
    /// A place where nothing is kept yet.
    async fn fresh() -> Self;

    /// A handle of its own, as another process would have, on what is kept there; makes it where need be.
    async fn open(&self) -> Arc<dyn Store>;
}

/// Runs `count` tasks at once and collects what they answer.
pub(crate) async fn at_once<R, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<R>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(task(number))).collect();
    let mut answers = Vec::with_capacity(count);
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Makes a test of every case of the contract, on the databases of one fixture.
#[macro_export]
macro_rules! store_contract {
    ($fixture:ty) => {
        $crate::store_contract! { @cases $fixture;
            accounts::an_account_comes_back_as_it_was_made
            accounts::what_is_optional_may_be_missing
            accounts::taken_names_are_told_apart
            accounts::parallel_registrations_of_one_name_make_one_account
            accounts::a_first_session_comes_with_its_account_or_not_at_all
            accounts::credentials_are_found_by_either_name
            accounts::a_password_hash_is_replaced_by_one_of_many
            accounts::permissions_add_up
            administration::a_ban_ends_every_session_and_an_unban_brings_none_back
            administration::a_login_beside_a_ban_is_refused_or_ended
            administration::what_is_changed_is_changed_together_or_not_at_all
            administration::a_new_address_is_unproved_and_ends_the_links_to_the_old_one
            administration::what_tells_of_a_change_is_queued_with_it
            administration::changes_of_permissions_do_not_lose_each_other
            administration::the_last_administrator_stays
            administration::t24_nothing_outlives_a_deletion_but_the_memory_of_its_sessions
            administration::a_login_beside_a_deletion_is_refused_or_ended
            administration::a_blackout_has_a_notice_that_can_be_taken_down
            administration::counters_begin_anew_with_each_unlocking_and_reset
            administration::disabled_accounts_are_listed
            announcements::an_account_that_cannot_be_told_of_is_not_made
            announcements::a_change_that_cannot_be_told_of_is_not_made
            avatars::a_picture_takes_the_place_of_the_one_before
            avatars::t24_no_picture_outlives_its_account
            profiles::a_profile_comes_back_as_it_was_written
            profiles::a_profile_outlives_every_other_change
            profiles::of_many_profiles_at_once_one_is_kept_whole
            profiles::t24_no_profile_outlives_its_account
            deletions::an_account_waits_out_of_use_for_its_deletion
            deletions::only_whoever_has_the_password_deletes
            deletions::an_account_is_taken_back_in_time_by_its_owner
            deletions::an_administrator_brings_it_back_and_can_forbid_its_owner_to
            deletions::the_last_administrator_cannot_delete_themselves
            deletions::t24_accounts_go_when_their_time_has_come_with_all_that_is_theirs
            deletions::whoever_comes_first_of_a_return_and_a_deletion_wins
            search::accounts_are_found_by_any_part_of_their_name
            search::what_is_found_comes_in_pages_within_a_bound
            search::a_search_follows_renames_and_deletions
            search::accounts_are_listed_page_by_page
            audit::the_events_of_an_account_come_page_by_page
            search::audit_events_are_found_by_account_kind_and_time
            errands::errands_come_when_they_are_due_and_again_after_a_lease
            errands::an_errand_of_a_clock_that_was_ahead_is_not_held_up
            errands::every_errand_is_claimed_by_one_of_many
            proofs::a_link_is_good_until_it_expires_or_a_newer_one_comes
            proofs::a_link_of_a_password_that_was_changed_is_not_kept
            proofs::an_address_is_confirmed_once_in_time_and_exactly
            proofs::one_of_many_proofs_of_an_address_wins
            proofs::a_reset_is_redeemed_once_and_ends_every_session
            proofs::a_reset_needs_the_address_of_now
            proofs::a_new_password_ends_other_mailed_ways_in
            proofs::a_replaced_password_ends_every_session_and_proves_nothing
            proofs::attempts_at_codes_are_capped
            proofs::a_decoy_counts_attempts_and_leads_nowhere
            proofs::a_password_is_changed_from_what_it_was
            proofs::an_account_comes_with_its_invitation
            setup::a_setup_link_is_good_in_time_until_a_newer_one_or_an_administrator_comes
            setup::a_used_setup_link_does_not_come_back
            setup::a_setup_link_is_dead_beside_any_administrator
            setup::a_taken_name_leaves_the_setup_link_good
            setup::t20_a_setup_link_makes_one_administrator_of_many
            registrations::a_registration_waits_for_its_proof
            registrations::a_registration_has_a_code
            registrations::t52_one_of_many_registrations_of_an_address_wins
            registrations::a_registration_meets_names_that_were_taken_meanwhile
            sessions::a_login_opens_a_session_and_is_remembered
            sessions::a_login_needs_the_hash_it_was_verified_against
            sessions::a_disabled_account_opens_no_session
            sessions::a_login_ends_the_session_it_replaces
            sessions::the_oldest_session_makes_room
            sessions::a_changed_password_ends_logins_under_way
            sessions::live_sessions_are_listed_the_newest_first
            sessions::a_session_is_revoked_once_and_by_its_owner
            sessions::a_session_with_a_live_access_token_can_be_revoked
            sessions::all_sessions_but_one_are_revoked
            sessions::a_live_session_has_an_owner
            known_devices::a_new_device_is_told_of_once_and_known_for_its_time
            known_devices::of_many_logins_by_a_new_device_one_is_told_of
            known_devices::letters_beyond_their_limit_leave_no_trace
            known_devices::a_device_in_use_stays_known
            known_devices::devices_are_forgotten_with_the_password
            known_devices::a_refused_login_is_not_told_of
            known_devices::an_account_comes_with_its_first_devices
            known_devices::a_hundred_devices_are_known_of_an_account
            known_devices::t24_devices_go_with_their_account_and_with_time
            rotation::a_rotation_moves_one_generation
            rotation::a_session_slides_to_its_end_and_no_further
            rotation::the_last_access_never_moves_back
            rotation::a_rotation_reads_the_account_anew
            rotation::t19_parallel_refreshes_leave_one_child
            rotation::the_same_child_is_answered_within_the_grace
            rotation::the_grace_does_not_slide
            rotation::the_grace_does_not_run_while_the_store_is_away
            rotation::a_store_that_was_away_hides_no_theft
            rotation::reuse_after_the_grace_revokes
            rotation::reuse_outranks_the_grace_once_the_child_is_used
            rotation::parallel_reuse_is_detected_once
            rotation::a_clock_that_ran_backwards_counts_as_no_time
            rotation::a_restored_backup_takes_the_newer_generation
            rotation::dead_sessions_are_refused_without_a_trace
            rotation::impossible_generations_are_refused
            revocation::a_cut_off_ends_what_began_before_it
            revocation::a_cut_off_never_moves_back
            revocation::a_login_that_was_verified_before_a_cut_off_is_refused
            revocation::what_a_rotation_issues_beside_a_cut_off_is_remembered
            revocation::a_cut_off_is_remembered_until_the_last_access
            revocation::everyone_is_cut_off_at_once
            revocation::no_rotation_outlives_a_cut_off
            revocation::revoked_sessions_are_remembered_until_their_last_access
            clocks::a_cut_off_ends_what_is_there_whatever_its_clock_says
            clocks::t13_logout_all_holds_on_nodes_whose_clocks_differ
            clocks::logins_beside_a_cut_off_live_or_are_told_of
            catching_up::a_look_reads_what_came_after_the_last_one
            catching_up::many_revocations_come_in_pages
            catching_up::no_look_misses_what_is_committed_late
            catching_up::a_history_that_went_back_is_read_from_its_beginning
            keys::one_of_many_first_keys_is_kept
            keys::a_new_key_signs_and_the_old_one_verifies_for_a_while
            keys::compromised_keys_end_at_once
            keys::rotations_at_once_leave_one_key_that_signs
            keys::a_key_is_rewrapped_once
            audit::events_come_back_the_newest_first
            audit::events_of_one_account_are_found
            audit::a_batch_of_any_size_is_written_whole
            audit::a_batch_that_is_offered_again_is_written_once
            upkeep::what_no_longer_matters_goes_batch_by_batch
            upkeep::what_still_matters_stays
            processes::handles_that_open_at_once_migrate_once
            processes::a_second_handle_sees_what_the_first_wrote
            processes::what_others_revoke_is_noticed
            processes::acknowledged_writes_survive_a_handle_that_never_closed
            processes::writers_of_two_handles_do_not_lose_each_other
            outages::an_open_store_answers_every_method
            outages::t58_a_closed_store_answers_no_method
            outages::t58_an_injected_fault_is_never_an_answer
        }
    };
    (@cases $fixture:ty; $($topic:ident::$case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fixture = <$fixture as $crate::contract::StoreFixture>::fresh().await;
                $crate::contract::$topic::$case(&fixture).await;
            }
        )+
    };
}

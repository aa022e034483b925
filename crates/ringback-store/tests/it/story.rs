//! One story runs against every store. Each chapter gets a new store, and knows it by its traits alone.

pub mod accepting;
pub mod accounts;
pub mod credentials;
pub mod dispatching;
pub mod overseeing;
pub mod reading;
pub mod registering;
pub mod replaying;
pub mod replaying_many;
pub mod resealing;
pub mod searching;
pub mod tracing;
pub mod upkeep;
pub mod watching;

/// Makes a test of every chapter. `$store` gives a new store behind whatever must outlive it, or nothing where there can be
/// none on this machine, which it has said.
macro_rules! tell {
    ($store:path: $($part:ident :: { $($chapter:ident),* $(,)? }),* $(,)?) => {
        $(mod $part {
            $(#[tokio::test]
            async fn $chapter() {
                let Some((_home, store)) = $store().await else { return };
                $crate::story::$part::$chapter(&store).await;
            })*
        })*
    };
}
pub(crate) use tell;

/// Makes a test of every chapter of the whole story.
macro_rules! tell_the_story {
    ($store:path) => {
        $crate::story::tell! { $store:
            accepting::{
                accepted_messages_are_numbered_and_wait_in_order,
                an_account_without_a_registration_keeps_nothing_and_gets_no_row,
                pull_keeps_messages_without_a_registration,
                the_same_key_and_message_is_a_duplicate_with_the_first_id,
                the_same_key_with_another_message_is_a_conflict,
                a_key_counts_within_one_batch_and_within_its_account_only,
                a_key_holds_for_a_day_and_over_a_midnight,
                a_duplicate_is_told_the_present_state_even_after_a_deregistration,
                the_listener_hears_before_the_publisher_does,
                no_messages_are_no_commit,
            },
            dispatching::{
                a_message_knows_who_waits_before_it_with_its_key,
                a_window_ends_at_its_limit_and_goes_on_behind_it,
                what_is_due_comes_longest_due_first,
                followers_of_a_key_come_in_order_and_eight_at_most,
                lanes_are_listed_once_each_in_order_behind_the_last,
                bodies_come_back_in_the_order_asked_for,
                a_delivered_message_is_gone_from_the_queue,
                a_retry_waits_with_what_was_counted,
                a_dead_message_is_gone_from_the_queue,
                a_message_that_is_settled_already_is_left_alone,
                a_message_that_died_waiting_has_no_attempt,
                what_was_cancelled_under_way_is_cancelled_unless_it_was_delivered,
                what_was_acknowledged_under_way_is_delivered_whatever_came,
                a_lane_record_is_kept_as_it_was_given,
                a_sweep_settles_in_steps_and_spares_what_is_under_way,
                a_sweep_leaves_what_was_cancelled_after_the_standing_that_it_goes_by,
                an_acknowledgement_sweeps_up_to_its_number_only,
                a_step_hastens_what_is_not_due_yet,
            },
            registering::{
                a_registration_is_kept_and_replaced_in_place,
                every_change_of_standing_is_heard_with_what_was_answered,
                a_deregistration_cancels_what_was_accepted_before_it_only,
                deregistering_what_is_not_registered_changes_nothing_and_is_heard,
                the_replaced_registration_can_be_restored_until_something_changes,
                a_pause_stops_the_lane_clock,
                a_release_is_no_reinstatement_but_a_resume_is,
                an_acknowledgement_never_goes_back_nor_beyond_the_last,
                an_endpoint_comes_with_what_was_cancelled_and_a_signing_secret,
                the_endpoints_of_many_are_those_of_each,
                a_rotated_signing_secret_signs_on_until_its_overlap_ends,
                first_use_by_many_makes_one_signing_secret,
            },
            credentials::{
                a_credential_reads_back_as_it_was_kept,
                names_client_ids_and_user_names_are_unique,
                a_rotation_keeps_the_secrets_before,
                a_grant_adds_accounts_and_scopes,
                a_revoked_credential_takes_its_tokens_and_sessions_along,
                every_change_raises_the_version,
                tokens_and_sessions_end_for_their_own_credential_only,
                a_session_is_written_once_a_minute_at_most,
                what_ended_long_ago_is_forgotten_as_new_ones_come,
                the_last_of_the_failed_logins_locks_the_user_name,
                a_login_forgets_the_failures_before_it,
                a_flood_of_user_names_never_washes_away_the_real_lock,
            },
            reading::{
                a_message_reads_back_as_it_stands,
                a_message_comes_with_all_its_attempts,
                a_message_is_known_by_its_whole_id,
                what_is_overtaken_shows_so_at_once,
                a_pending_message_tells_who_goes_before_it,
                a_pending_message_tells_what_closes_its_account,
                a_reel_gives_all_messages_in_order_behind_a_number,
                a_reel_begins_with_what_is_kept,
            },
            searching::{
                a_search_gives_the_newest_first,
                a_search_keeps_to_what_is_asked_for,
                bodies_come_along_where_they_are_asked_for,
                a_page_of_large_bodies_ends_before_its_limit,
                pages_neither_repeat_nor_skip_while_messages_come_and_go,
                a_search_that_finds_nothing_for_long_says_where_to_go_on,
                a_search_since_a_time_ends_soon_behind_it,
            },
            accounts::{
                an_account_tells_its_ledger_and_its_trouble,
                an_account_tells_since_when_it_is_registered,
                accounts_are_listed_within_reach_by_number,
                an_account_is_listed_once_a_credential_names_it,
            },
            overseeing::{
                the_worst_come_first,
                who_was_released_or_deregistered_is_not_in_trouble,
                the_parts_add_up_to_all_accounts,
                what_is_due_first_is_free_to_go_in_an_open_lane,
                acts_are_told_the_newest_first,
                a_bounded_number_of_acts_is_kept,
            },
            replaying::{
                a_dead_message_waits_again_at_the_end_of_the_queue,
                a_replayed_message_goes_on_counting_its_attempts,
                a_message_can_be_sent_again_more_than_once,
                what_can_not_be_sent_again_says_why,
                the_listener_hears_of_a_replay_and_then_of_the_release,
                the_listener_hears_of_acts_in_the_order_of_their_effects,
                what_was_cancelled_and_not_swept_is_settled_and_sent_again,
                what_was_acknowledged_and_not_swept_is_settled_and_sent_again,
                a_replay_during_a_pause_is_born_in_it,
                a_body_that_was_set_aside_goes_along,
            },
            replaying_many::{
                an_accounts_replay_sends_what_was_asked_for_the_oldest_first,
                an_accounts_replay_goes_in_steps_and_one_at_a_time,
                a_replay_of_a_great_many_begins_without_counting_them_all,
                a_replay_sends_each_message_once_whatever_becomes_of_it_meanwhile,
                a_replay_leaves_alone_what_was_acknowledged_since_it_began,
                a_replay_of_the_cancelled_finds_them_swept_or_not,
                a_deregistration_ends_the_accounts_replay,
                replays_of_different_accounts_take_turns,
                a_step_of_large_bodies_is_a_short_one,
                a_replay_counts_from_its_beginning_to_before_its_end,
            },
            resealing::{
                a_rotation_reseals_everything_while_it_is_used,
                a_rotation_waits_for_the_one_before_it,
            },
            tracing::{
                a_message_keeps_its_trace_wherever_it_goes,
                a_trace_is_its_messages_alone,
            },
            upkeep::{
                finished_messages_go_after_their_time_and_dead_ones_after_theirs,
                what_is_pending_stays_however_old_and_can_be_sent,
                what_was_pending_for_long_and_died_is_kept_as_the_dead_are,
                the_dead_go_even_before_the_finished_where_that_is_asked_for,
                a_retention_goes_in_steps,
                past_so_many_bytes_the_oldest_delivered_go_early,
                the_retention_spares_the_keys_that_still_count,
                the_retention_forgets_tokens_sessions_and_failed_logins,
                a_store_knows_its_size,
                a_check_adds_up_all_accounts,
            },
            watching::{
                every_commit_tells_what_it_moved,
            },
        }
    };
}
pub(crate) use tell_the_story;

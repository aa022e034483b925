//! One story runs against every store. Each chapter gets a new store, and knows it by its traits alone.

pub mod accepting;
pub mod credentials;
pub mod dispatching;
pub mod registering;

/// Makes a test of every chapter. `$store` gives a new store behind whatever must outlive it.
macro_rules! tell {
    ($store:path: $($part:ident :: { $($chapter:ident),* $(,)? }),* $(,)?) => {
        $(mod $part {
            $(#[tokio::test]
            async fn $chapter() {
                let (_folder, store) = $store();
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
                an_acknowledgement_sweeps_up_to_its_number_only,
                a_step_hastens_what_is_not_due_yet,
            },
            registering::{
                a_registration_is_kept_and_replaced_in_place,
                every_change_of_standing_is_heard_with_what_was_answered,
                a_deregistration_cancels_what_was_accepted_before_it_only,
                deregistering_what_is_not_registered_changes_nothing,
                the_replaced_registration_can_be_restored_until_something_changes,
                a_pause_stops_the_lane_clock,
                a_release_is_no_reinstatement_but_a_resume_is,
                an_acknowledgement_never_goes_back_nor_beyond_the_last,
                an_endpoint_comes_with_its_generation_and_a_signing_secret,
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
        }
    };
}
pub(crate) use tell_the_story;

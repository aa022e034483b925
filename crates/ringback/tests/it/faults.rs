//! What goes wrong between a server and its PostgreSQL, one fault at a time: what a publisher and an endpoint see of it, and
//! that the books are right afterwards.

mod handing_over;
mod lost_answers;
mod patroni;
mod stalled;
mod standby;

use std::time::{Duration, Instant};

use http::StatusCode;
use ringback_testbed::looking;
use serde_json::Value;

use crate::api::{Api, Tokens, message};
use crate::endpoint::Endpoint;
use crate::house::{ACCOUNT, House, KEY_FILE};

/// While a message can't be kept as it should be, its publish is refused within this.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// For the answer to get here, on a machine with other things to do.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// A server, who publishes there, and where its callbacks go.
struct Scene {
    house: House,
    store: String,
    api: Api,
    tokens: Tokens,
    endpoint: Endpoint,
}

impl Scene {
    /// On this store, with these settings beside the usual ones.
    async fn on(store: String, settings: &[&str]) -> Self {
        let house = House::start_on(&store, settings, &[]);
        let (api, endpoint) = (Api::new(&house.url), Endpoint::start().await);
        let tokens = api.log_in(&house.secrets).await;
        api.register(&tokens, ACCOUNT, &endpoint.url()).await;
        Self { house, store, api, tokens, endpoint }
    }

    /// Publishes the message that has this key.
    async fn publish(&self, key: &str) -> (StatusCode, Value) {
        self.api.publish(&self.tokens, &message(ACCOUNT, key)).await.unwrap()
    }

    /// Publishes a message that is accepted; gives its id.
    async fn accepted(&self, key: &str) -> String {
        let (status, answer) = self.publish(key).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        crate::api::text(&answer["id"])
    }

    /// The same while the server is finding its database again.
    async fn accepted_soon(&self, key: &str) -> String {
        let publish = async || {
            let (status, answer) = self.publish(key).await;
            if status == StatusCode::ACCEPTED {
                return Ok(crate::api::text(&answer["id"]));
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
            Err(answer.to_string())
        };
        looking::until("a server that accepts again", publish).await
    }

    /// Publishes a message that is refused, in time.
    async fn refused(&self, key: &str) {
        let begun = Instant::now();
        let (status, answer) = self.publish(key).await;
        let took = begun.elapsed();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert!(took <= REFUSED_WITHIN + ON_THE_WAY, "refused after {took:?}: {answer}");
    }

    /// Waits until so many callbacks came.
    async fn arrived(&self, count: usize) {
        self.endpoint.until("their arrival", |received| received.len() >= count).await;
    }

    /// Stops the server, which finishes what is under way: so many messages were accepted in all, and each arrived once.
    fn end(mut self, count: usize) {
        assert!(self.house.server.stop().success());
        let report = self.house.json(&["verify", "--store", &self.store, "--key-file", KEY_FILE]);
        assert_eq!(report["ok"], true, "{report}");
        let counts = &report["counts"];
        assert_eq!((&counts["accepted"], &counts["delivered"]), (&count.into(), &count.into()), "{report}");
        let mut ids: Vec<String> = self.endpoint.received().into_iter().map(|callback| callback.id).collect();
        ids.sort_unstable();
        let came = ids.len();
        ids.dedup();
        assert_eq!((came, ids.len()), (count, count), "{ids:?}");
    }
}

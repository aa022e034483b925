//! What a commit costs, to take messages in and to record their outcomes, on the disk under the folder for temporary
//! files. `cargo bench -p ringback-store`.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use divan::Bencher;
use ringback_delivery::{
    AccountId, LaneRecord, LaneUpdate, MessageKind, OrderingKey, Outcome, Settlement, Timestamp, Turn,
    Verdict,
};
use ringback_store::{
    Admission, Attempt, Dispatching as _, NewMessage, Publishing as _, Registration, Registrations as _,
    Secret, Settled, SqliteOptions, SqliteStore,
};
use tokio::runtime::Runtime;

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);
/// Bytes of a body.
const BODY: usize = 1100;

fn main() {
    divan::main();
}

struct House {
    store: SqliteStore,
    runtime: Runtime,
    account: AccountId,
    key: i64,
    _folder: tempfile::TempDir,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteOptions::server(folder.path().join("bench.db"))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let account = AccountId::from_number(25_201_234_500_001).unwrap();
        let url = Secret::new("https://listener.example.com/callbacks");
        let registration = Registration { url, username: None, password: None };
        runtime.block_on(store.register(NOW, account, registration)).unwrap();
        Self { store, runtime, account, key: 0, _folder: folder }
    }

    fn messages(&mut self, count: u64) -> Vec<NewMessage> {
        let message = |key: i64| NewMessage {
            account: self.account,
            kind: MessageKind::UpgradeFinished,
            // Spread like a digest.
            key: Some(OrderingKey(key.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()))),
            idempotency: None,
            content: Bytes::from(vec![b' '; BODY]).into(),
        };
        let first = self.key;
        self.key += count.cast_signed();
        (first..self.key).map(message).collect()
    }

    fn accept(&self, messages: Vec<NewMessage>) -> Vec<Admission> {
        self.runtime.block_on(self.store.accept(NOW, messages)).unwrap()
    }

    /// A success at the first attempt for each.
    fn outcomes(&self, admissions: &[Admission]) -> Vec<Settled> {
        let settled = |admission: &Admission| {
            let Admission::Queued(id) = admission else { unreachable!("nothing speaks against it") };
            let (account, sequence, turn) = (self.account, id.sequence, Turn(id.sequence.0));
            Settled {
                settlement: Settlement { account, turn, sequence, attempts: 1, verdict: Verdict::Delivered },
                attempt: Some(Attempt {
                    number: 1,
                    started_at: NOW,
                    duration: Duration::from_millis(5),
                    outcome: Outcome::Answered { status: 200, retry_after: None },
                    error: None,
                    excerpt: None,
                }),
            }
        };
        admissions.iter().map(settled).collect()
    }
}

#[divan::bench(args = [1, 32, 256])]
fn accept_a_batch(bencher: Bencher<'_, '_>, messages: u64) {
    let mut house = House::open();
    bencher.counter(messages).bench_local(|| {
        let messages = house.messages(messages);
        house.accept(messages)
    });
}

#[divan::bench(args = [1, 32, 256])]
fn record_a_batch(bencher: Bencher<'_, '_>, messages: u64) {
    let house = std::cell::RefCell::new(House::open());
    bencher
        .counter(messages)
        .with_inputs(|| {
            let messages = house.borrow_mut().messages(messages);
            let house = house.borrow();
            house.outcomes(&house.accept(messages))
        })
        .bench_local_values(|outcomes| {
            let house = house.borrow();
            let lane = LaneUpdate { account: house.account, record: LaneRecord::default() };
            house.runtime.block_on(house.store.record(NOW, outcomes, vec![lane])).unwrap();
        });
}

//! A lane's step: what the engine does for one message, from its acceptance to the record of its delivery.
//! `cargo bench -p ringback-delivery`.
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use ringback_delivery::{
    AccountId, Command, Engine, Jitter, LaneRecord, LaneRows, OrderingKey, Outcome, Sequence, Settings,
    Standing, Timestamp, Turn, Waiting,
};

const OK: Outcome = Outcome::Answered { status: 200, retry_after: None };
const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);
/// Messages that go through together, as many as share a commit.
const TOGETHER: u64 = 32;

fn main() {
    divan::main();
}

/// An engine whose one lane is open, with nothing waiting.
struct Lane {
    engine: Engine,
    account: AccountId,
    last: u64,
}

impl Lane {
    fn open() -> Self {
        let account = AccountId::from_number(25_201_234_500_001).unwrap();
        let mut engine = Engine::new(Settings::default(), NOW);
        engine.discovered(NOW, account);
        engine.pump(NOW);
        while let Some(command) = engine.next_command() {
            if let Command::Read(read) = command {
                let standing = Standing { generation: 1, registered: true, ..Standing::default() };
                let rows = LaneRows {
                    account: read.account,
                    opening: Some((standing, LaneRecord::default())),
                    queue: Vec::new(),
                    end: true,
                    due: Vec::new(),
                    more_due: false,
                    next_due: None,
                    followers: Vec::new(),
                };
                engine.loaded(NOW, rows);
            }
        }
        let mut lane = Self { engine, account, last: 0 };
        // Each success doubles its slots.
        (0..8).for_each(|_| lane.deliver(1));
        lane
    }

    fn deliver(&mut self, messages: u64) {
        for _ in 0..messages {
            self.last += 1;
            let waiting = Waiting {
                turn: Turn(self.last),
                sequence: Sequence(self.last),
                position: 0,
                key: Some(OrderingKey(self.last.cast_signed())),
                accepted_at: NOW,
                born: NOW,
                attempts: 0,
                charged: 0,
                due: None,
                successes: 0,
                replay: false,
            };
            self.engine.accepted(NOW, self.account, waiting, None);
        }
        self.engine.pump(NOW);
        let mut settled = Vec::new();
        while let Some(command) = self.engine.next_command() {
            match command {
                Command::Start(start) => self.engine.answered(NOW, start.flight, &OK, Jitter::NONE),
                Command::Settle(_, settlement) => settled.push((settlement.account, settlement.turn)),
                Command::Keep(update) => self.engine.kept(NOW, [update]),
                _ => {}
            }
        }
        assert_eq!(settled.len() as u64, messages);
        self.engine.recorded(NOW, settled);
    }
}

#[divan::bench(args = [1, TOGETHER])]
fn accept_send_answer_and_record(bencher: Bencher<'_, '_>, messages: u64) {
    let mut lane = Lane::open();
    bencher.counter(messages).bench_local(|| lane.deliver(messages));
}

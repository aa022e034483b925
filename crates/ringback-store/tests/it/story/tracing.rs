//! A message's trace goes where its body goes.

use std::slice::from_ref;
use std::sync::{Arc, Mutex};

use ringback_delivery::{Sequence, Standing};
use ringback_store::{CommitListener, Content, Fresh, NewMessage, Replayed, Store, Trace};

use crate::cast::*;
use crate::looking::*;

const TRACE: Trace = Trace { id: [0xab; 16], span: [0xcd; 8], sampled: true };

/// Remembers what was handed over without being read back.
#[derive(Default)]
struct Given(Mutex<Vec<Content>>);

impl Given {
    fn taken(&self) -> Vec<Content> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl CommitListener for Given {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.0.lock().unwrap().extend(fresh.into_iter().map(|fresh| fresh.content));
    }

    fn standing_changed(&self, _: ringback_delivery::AccountId, _: Standing) {}
}

/// What is kept of the last of the queue.
async fn kept(store: &dyn Store, number: u64) -> Content {
    let row = waiting(store, number).await.pop().unwrap();
    store.contents(vec![row.position]).await.unwrap().remove(0).unwrap()
}

pub async fn a_message_keeps_its_trace_wherever_it_goes(store: &dyn Store) {
    let given = Arc::new(Given::default());
    store.listen(given.clone());
    register(store, ONE).await;
    let message = traced(ONE, "x", TRACE);
    let content = message.content.clone();
    let id = accept(store, at(0), message).await;
    assert_eq!(given.taken(), from_ref(&content));
    assert_eq!(kept(store, ONE).await, content);
    assert_eq!(seen(store, id).await.trace, Some(TRACE));
    let reel = store.reel(account(ONE), Sequence(0), 1, 100).await.unwrap();
    assert_eq!(reel.messages[0].trace, Some(TRACE));

    // Its day goes while it is dead: it is set aside, and sent again from there.
    kill_all(store, hour(25), ONE).await;
    accept_many(store, hour(26), ONE, 1).await;
    retire_all(store, hour(26), short()).await;
    assert_eq!(seen(store, id).await.trace, Some(TRACE));
    given.taken();
    assert_eq!(store.replay(hour(26), id).await.unwrap(), Replayed::Queued);
    assert_eq!(given.taken(), from_ref(&content));
    assert_eq!(kept(store, ONE).await, content);
    verified(store).await;
}

pub async fn a_trace_is_its_messages_alone(store: &dyn Store) {
    register(store, ONE).await;
    let other = Trace { sampled: false, id: [1; 16], ..TRACE };
    let batch: Vec<NewMessage> =
        vec![message(ONE, "1"), traced(ONE, "2", TRACE), message(ONE, "3"), traced(ONE, "4", other)];
    store.accept(at(0), batch).await.unwrap();
    let positions = waiting(store, ONE).await.iter().map(|row| row.position).collect();
    let traces: Vec<_> =
        store.contents(positions).await.unwrap().into_iter().map(|it| it.unwrap().trace).collect();
    assert_eq!(traces, [None, Some(TRACE), None, Some(other)]);
}

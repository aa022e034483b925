//! Searching, the newest first: a walk that ends after so many rows, found or not, and says where to go on.
//!
//! Within an account the walk goes down the account's own messages, by their numbers. Over all accounts it goes down the
//! positions, first on the tape and then among those that were set aside, which all lie below. A position never changes
//! while its message is there, so a walk in pages gives each message once.

use std::collections::{BTreeSet, HashMap, HashSet};

use ringback_delivery::{AccountId, MessageState, Standing};

use super::fault::Fault;
use super::link::{Arg, Link, args};
use super::message::{self, MessageRow, on_tape, set_aside};
use super::{rows, standing};
use crate::{Content, Cursor, Message, MessageFilter, Page, Reach};

/// Rows that one call walks.
const WALK: usize = 2000;
/// Rows that are read at once.
const PORTION: usize = 250;
/// Bytes of bodies after which a page ends.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// One page.
pub(super) async fn search(
    link: &Link,
    filter: &MessageFilter,
    before: Option<Cursor>,
    limit: usize,
) -> Result<Page<Message>, Fault> {
    let before = before.map_or(i64::MAX, |cursor| rows::number_column(cursor.0));
    let mut walk = Walk::new(link, filter, limit.max(1));
    let more = match filter.account {
        Some(account) if !filter.reach.includes(account) => false,
        Some(account) => walk.down_an_account(account, before).await?,
        None if filter.state == Some(MessageState::Dead) => {
            walk.down(THE_DEAD, before).await? || walk.down(THE_DEAD_ASIDE, before).await?
        }
        None => walk.down(THE_TAPE, before).await? || walk.down(SET_ASIDE, before).await?,
    };
    let next = (more && !walk.is_past_since()).then_some(Cursor(walk.last));
    let items = message::messages(link, &walk.found).await?;
    let contents = walk.contents.into_iter().chain(std::iter::repeat(None));
    let items = items.into_iter().zip(contents).map(|(item, content)| item.with(content)).collect();
    Ok(Page { items, next })
}

const THE_TAPE: &str = on_tape!("r.position < $1 ORDER BY r.position DESC LIMIT $2");
const SET_ASIDE: &str = set_aside!("r.position < $1 ORDER BY r.position DESC LIMIT $2");
const THE_DEAD: &str = on_tape!(
    "r.position = ANY (ARRAY(SELECT d.position FROM ringback.ending d WHERE d.state = 2 AND d.position < $1
         AND d.position > (SELECT cut FROM ringback.tape) ORDER BY d.position DESC LIMIT $2))
     ORDER BY r.position DESC LIMIT $2"
);
const THE_DEAD_ASIDE: &str = set_aside!("r.state = 2 AND r.position < $1 ORDER BY r.position DESC LIMIT $2");

struct Walk<'a> {
    link: &'a Link,
    filter: &'a MessageFilter,
    /// The accounts of the filter's reach, unless it is all.
    reached: Option<HashSet<AccountId>>,
    limit: usize,
    standings: HashMap<AccountId, Standing>,
    found: Vec<(MessageRow, Standing)>,
    contents: Vec<Option<Content>>,
    bytes: usize,
    walked: usize,
    /// How many of those were accepted before the time that is looked at.
    too_old: usize,
    last: u64,
}

impl<'a> Walk<'a> {
    fn new(link: &'a Link, filter: &'a MessageFilter, limit: usize) -> Self {
        let reached = match &filter.reach {
            Reach::Every => None,
            Reach::Accounts(accounts) => Some(accounts.iter().copied().collect()),
        };
        Self {
            link,
            filter,
            reached,
            limit,
            standings: HashMap::new(),
            found: Vec::new(),
            contents: Vec::new(),
            bytes: 0,
            walked: 0,
            too_old: 0,
            last: 0,
        }
    }

    /// Walks down the positions; whether there is more.
    async fn down(&mut self, query: &'static str, before: i64) -> Result<bool, Fault> {
        let mut before = before;
        loop {
            let portion = self.portion();
            let rows = self.read(query, args![INT8 before, INT8 portion]).await?;
            if self.look_at(&rows, |row| row.position.cast_unsigned()).await? {
                return Ok(true);
            }
            match rows.last() {
                Some(last) if i64::try_from(rows.len()).is_ok_and(|read| read == portion) => {
                    before = last.position;
                }
                _ => return Ok(false),
            }
            if self.is_full() {
                return Ok(true);
            }
        }
    }

    /// Walks down an account's numbers; whether there is more.
    async fn down_an_account(&mut self, account: AccountId, before: i64) -> Result<bool, Fault> {
        const TAPE: &str =
            on_tape!("r.shard = $1 AND r.account = $2 AND r.sequence < $3 ORDER BY r.sequence DESC LIMIT $4");
        const ASIDE: &str = set_aside!(
            "r.shard = $1 AND r.account = $2 AND r.sequence < $3 ORDER BY r.sequence DESC LIMIT $4"
        );
        let (shard, number) = rows::key(account);
        let mut before = before;
        loop {
            let portion = self.portion();
            let wanted = args![INT2 shard, INT8 number, INT8 before, INT8 portion];
            let mut rows = self.read(TAPE, wanted).await?;
            rows.extend(self.read(ASIDE, wanted).await?);
            rows.sort_by_key(|row| std::cmp::Reverse(row.sequence));
            let is_last = i64::try_from(rows.len()).is_ok_and(|read| read < portion);
            rows.truncate(usize::try_from(portion).unwrap_or(usize::MAX));
            if self.look_at(&rows, |row| row.sequence.0).await? {
                return Ok(true);
            }
            match rows.last() {
                Some(last) if !is_last => before = rows::number_column(last.sequence.0),
                _ => return Ok(false),
            }
            if self.is_full() {
                return Ok(true);
            }
        }
    }

    /// So many that what is asked for may be among them, and one to see whether there are more.
    fn portion(&self) -> i64 {
        let wanted = (self.limit - self.found.len()).saturating_add(1).clamp(16, PORTION);
        i64::try_from(wanted).unwrap_or(1)
    }

    async fn read(&self, query: &'static str, wanted: &[Arg<'_>]) -> Result<Vec<MessageRow>, Fault> {
        self.link.rows(query, wanted).await?.iter().map(MessageRow::read).collect()
    }

    fn is_full(&self) -> bool {
        self.walked >= WALK || self.found.len() >= self.limit || self.bytes >= PAGE_BYTES
    }

    /// Nothing that was walked was young enough: what lies before it is not either. (One such row says nothing: the
    /// clock may have been wrong for a while.)
    fn is_past_since(&self) -> bool {
        self.too_old == self.walked
    }

    /// Looks at what was read; whether the page was full before its end.
    async fn look_at(
        &mut self,
        rows: &[MessageRow],
        place: impl Fn(&MessageRow) -> u64,
    ) -> Result<bool, Fault> {
        self.learn_standings(rows).await?;
        for row in rows {
            if self.is_full() {
                return Ok(true);
            }
            self.walked += 1;
            self.last = place(row);
            if self.asks_for(row) {
                let standing = self.standings.get(&row.account).copied().unwrap_or_default();
                if self.filter.with_bodies {
                    let content = super::load::contents(self.link, &[row.position]).await?.pop().flatten();
                    self.bytes += content.as_ref().map_or(0, |content| content.body.len());
                    self.contents.push(content);
                }
                self.found.push((*row, standing));
            }
        }
        Ok(false)
    }

    fn asks_for(&mut self, row: &MessageRow) -> bool {
        let filter = self.filter;
        if filter.since.is_some_and(|since| row.accepted_at < since) {
            self.too_old += 1;
            return false;
        }
        let standing = self.standings.get(&row.account).copied().unwrap_or_default();
        self.reached.as_ref().is_none_or(|reached| reached.contains(&row.account))
            && filter.kind.is_none_or(|kind| row.kind == kind)
            && filter.until.is_none_or(|until| row.accepted_at < until)
            && filter.state.is_none_or(|state| row.state(&standing) == state)
    }

    async fn learn_standings(&mut self, rows: &[MessageRow]) -> Result<(), Fault> {
        let unknown: BTreeSet<AccountId> = rows
            .iter()
            .map(|row| row.account)
            .filter(|account| !self.standings.contains_key(account))
            .collect();
        let unknown: Vec<AccountId> = unknown.into_iter().collect();
        self.standings.extend(standing::read_all(self.link, &unknown).await?);
        Ok(())
    }
}

//! A DNS server over UDP that means by a name whatever a story says, and another thing the next time if it likes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const IN: u16 = 1;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
/// The steps of a chain of aliases that are followed at most, as recursive servers do it.
const LONGEST_CHAIN: usize = 8;

/// What is answered about a name.
#[derive(Clone)]
pub(crate) enum Said {
    /// These addresses, each in the answer to the question for its family.
    Addresses(Vec<IpAddr>),
    /// It is another name for this one.
    Alias(&'static str),
    /// That something is wrong here.
    Failure,
    /// Nothing at all.
    Silence,
    /// Bytes that are no answer.
    Garbage,
}

/// The addresses, from their texts.
pub(crate) fn addresses(texts: &[&str]) -> Said {
    Said::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
}

/// What is said about one name: one thing after the other, a look-up (both questions) each, and the last for ever.
struct Story {
    says: Vec<Said>,
    /// Look-ups so far: they begin with the question for A.
    asked: usize,
}

/// The server.
pub(crate) struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<HashMap<String, Story>>>,
    task: JoinHandle<()>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let zone: Arc<Mutex<HashMap<String, Story>>> = Arc::default();
        let task = tokio::spawn(serve(socket, zone.clone()));
        Self { address, zone, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on a name means these, one after the other.
    pub(crate) fn say(&self, name: &str, says: &[Said]) {
        let story = Story { says: says.to_vec(), asked: 0 };
        self.zone.lock().unwrap().insert(name.to_owned(), story);
    }

    /// How many look-ups of a name there were.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.zone.lock().unwrap()[name].asked
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Arc<Mutex<HashMap<String, Story>>>) {
    let mut packet = [0; 512];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut packet).await else { return };
        let reply = answer(&packet[..length], &mut zone.lock().unwrap());
        if let Some(reply) = reply {
            // Who asked may be gone.
            let _ = socket.send_to(&reply, peer).await;
        }
    }
}

fn answer(question: &[u8], zone: &mut HashMap<String, Story>) -> Option<Vec<u8>> {
    let (name, after) = read_name(question, 12)?;
    let kind = u16::from_be_bytes(question.get(after..after + 2)?.try_into().ok()?);
    let (mut code, mut records) = (0, Vec::new());
    let mut owner = name;
    for _ in 0..LONGEST_CHAIN {
        match next(zone, &owner, kind) {
            None => code = NO_SUCH_NAME,
            Some(Said::Failure) => code = SERVER_FAILURE,
            Some(Said::Silence) => return None,
            Some(Said::Garbage) => return Some([&question[..2], &[0xff; 40]].concat()),
            Some(Said::Alias(target)) => {
                records.push(record(&owner, CNAME, &written_name(target)));
                owner = target.to_owned();
                continue;
            }
            Some(Said::Addresses(addresses)) => {
                for address in addresses {
                    match address {
                        IpAddr::V4(address) if kind == A => {
                            records.push(record(&owner, A, &address.octets()))
                        }
                        IpAddr::V6(address) if kind == AAAA => {
                            records.push(record(&owner, AAAA, &address.octets()));
                        }
                        _ => {}
                    }
                }
            }
        }
        break;
    }
    let mut reply = question[..2].to_vec();
    // A response, recursion wanted and available; one question, so many answers, nothing more.
    reply.extend([0x81, 0x80 | code, 0, 1]);
    reply.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    reply.extend([0; 4]);
    reply.extend(&question[12..after + 4]);
    reply.extend(records.concat());
    Some(reply)
}

/// What is said about the name this time.
fn next(zone: &mut HashMap<String, Story>, name: &str, kind: u16) -> Option<Said> {
    let story = zone.get_mut(name)?;
    story.asked += usize::from(kind == A);
    story.says.get(story.asked.saturating_sub(1)).or(story.says.last()).cloned()
}

fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = written_name(owner);
    record.extend(kind.to_be_bytes());
    record.extend(IN.to_be_bytes());
    record.extend(0_u32.to_be_bytes());
    record.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend(data);
    record
}

fn written_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// The name at a place in a packet, in lower case, and the place after it. (Neither side of these tests compresses.)
pub(super) fn read_name(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_lowercase());
        at += length;
    }
}

/// Questions, for [`super::stub`].
pub(super) fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut packet = id.to_be_bytes().to_vec();
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    packet.extend(written_name(name));
    packet.extend(kind.to_be_bytes());
    packet.extend(IN.to_be_bytes());
    packet
}

/// The addresses in an answer, whatever chain of names leads to them; `None` for what is no answer without error.
pub(super) fn read_answer(packet: &[u8]) -> Option<Vec<IpAddr>> {
    if packet.get(3)? & 0x0f != 0 {
        return None;
    }
    let count = u16::from_be_bytes(packet.get(6..8)?.try_into().ok()?);
    let (_, mut at) = read_name(packet, 12)?;
    at += 4;
    let mut found = Vec::new();
    for _ in 0..count {
        let (_, after) = read_name(packet, at)?;
        let kind = u16::from_be_bytes(packet.get(after..after + 2)?.try_into().ok()?);
        let length = usize::from(u16::from_be_bytes(packet.get(after + 8..after + 10)?.try_into().ok()?));
        let data = packet.get(after + 10..after + 10 + length)?;
        match kind {
            A => found.push(IpAddr::from(<[u8; 4]>::try_from(data).ok()?)),
            AAAA => found.push(IpAddr::from(<[u8; 16]>::try_from(data).ok()?)),
            _ => {}
        }
        at = after + 10 + length;
    }
    Some(found)
}

/// The two questions of a look-up.
pub(super) const QUESTIONS: [u16; 2] = [A, AAAA];

//! `ringback dev`: all of it on this machine, to be tried in a minute.
//!
//! The cast: the [`home`] folder keeps database and credentials from one start to the next; the service is the one that
//! `serve` runs; the built-in listener is where callbacks go until a person registers another URL. What happens here
//! between them happens through the HTTP API, as it would anywhere else: token, log-in, registration, publishing.
//!
//! The promise: what a person registered is not displaced by a later start.

mod guide;
mod home;
mod registration;
mod samples;
mod tokens;

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ringback_server::clock::Clock;
use ringback_store::Role;

use crate::args::dev::DevArgs;
use crate::config::Config;
use crate::config::egress::Egress;
use crate::config::listening::Listening;
use crate::config::log::Log;
use crate::config::store::{StoreSettings, StoreUrl};
use crate::failure::Outcome;
use crate::listener::{Handed, KeySource, Listener, Taking, printing_meanwhile};
use crate::narrator::Narrator;
use crate::open_store::open_store;
use crate::serving::Serving;
use crate::signals::{self, Stop};
use crate::target::Target;
use crate::{logging, output, process, signing_keys};
use guide::Guide;
use home::Home;
use registration::InForce;
use tokens::Tokens;

/// The account that is there from the beginning.
const ACCOUNT: &str = "0242078689-00001";
/// How long the guide waits for the samples to arrive.
const SAMPLES_WAIT: Duration = Duration::from_secs(20);

/// Runs it until it is asked to stop.
pub(super) async fn run(args: DevArgs) -> Outcome {
    logging::start(&Log::quiet());
    process::keep_memory_private();
    process::raise_open_files();
    let mut stop = Stop::catch()?;
    signals::outlive_file_limits()?;
    let home = Home::open(&args.data)?;
    let config = config(&args, &home);
    let store = open_store(&config.store, Role::Server).await?;
    let listener =
        Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.listener_port)), "--listener-port")
            .await?;
    let clock = Clock::system();
    let serving = Serving::start(&config, store.clone(), clock.clone(), "--port").await?;
    let url = format!("http://{}", serving.address());
    let profile = home.credentials(&*store, &clock, &url).await?;
    drop(store);

    let tokens = Tokens::default();
    let client = Target::of_profile(&profile)?.builder()?.on_new_token(tokens.hook()).build()?;
    let check = signing_keys::check(&signing_keys::of_account(&client, ACCOUNT).await?)?;
    let listener_url = registration::listener_url(listener.address());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let keys = KeySource { client: client.clone(), account: ACCOUNT.to_owned() };
    let (mut receipts, listening) =
        listener.serve(Taking::new(check, Some(keys)), async { drop(ended.await) });

    output::say(format_args!("ringback is listening on {url}"))?;
    let in_force = registration::take_up(&client, &listener_url).await?;
    output::say(format_args!("{in_force}\n"))?;
    let published = match in_force {
        InForce::BuiltIn(_) if !args.no_samples => samples::publish(&client).await?,
        _ => HashSet::new(),
    };
    let guide = Guide::new(&tokens, &url, &home, &in_force);
    let mut narrator = Narrator::default();
    let told = tokio::select! {
        told = tell(&mut receipts, &mut stop, &mut narrator, published, guide) => told,
        failure = serving.ended() => Err(failure),
    };
    let told = told.and(output::say("stopping"));
    stop.unless_asked_again(async {
        // What is under way waits to be printed.
        let print = |receipt: &_| output::say(narrator.tell(receipt));
        printing_meanwhile(&mut receipts, print, serving.stop()).await;
        drop(end);
        drop(receipts);
        drop(listening.await);
    })
    .await?;
    told
}

fn config(args: &DevArgs, home: &Home) -> Config {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    Config {
        listening: Listening { listen, ..Listening::default() },
        store: StoreSettings::of(StoreUrl::Sqlite(home.database()), None),
        egress: Egress::any(),
        ..Config::default()
    }
}

/// Tells of each callback until it is time to stop; once the samples have arrived, tells how to go on.
async fn tell(
    receipts: &mut tokio::sync::mpsc::Receiver<Handed>,
    stop: &mut Stop,
    narrator: &mut Narrator,
    mut awaited: HashSet<String>,
    guide: Guide,
) -> Outcome {
    let mut guide = Some(guide);
    let patience = tokio::time::sleep(SAMPLES_WAIT);
    tokio::pin!(patience);
    loop {
        if awaited.is_empty()
            && let Some(guide) = guide.take()
        {
            output::say(guide)?;
        }
        tokio::select! {
            () = stop.asked() => return Ok(()),
            handed = receipts.recv() => {
                let Some(handed) = handed else { return Ok(()) };
                awaited.remove(&handed.receipt.id);
                handed.print(|receipt| output::say(narrator.tell(receipt)))?;
            }
            () = &mut patience, if !awaited.is_empty() => {
                output::note(format_args!("{} sample messages have not arrived yet", awaited.len()));
                awaited.clear();
            }
        }
    }
}

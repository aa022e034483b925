//! What one message costs on its way through: to parse and check, to fill in, to sign. `cargo bench -p ringback-wire`.
#![allow(clippy::unwrap_used)]

use divan::{Bencher, black_box};
use ringback_wire::publish::{parse_published, splice_credentials};
use ringback_wire::signature::{Ed25519Key, HmacKey, SigningKey};

fn main() {
    divan::main();
}

/// A published message of about a kilobyte: an upgrade that finished on seven devices.
fn message() -> String {
    let device = |n: u32| {
        format!(
            r#"{{"deviceId":"99000342573053{n}","status":"UpgradeSuccess","resultReason":"Upgrade completed successfully"}}"#
        )
    };
    let devices = (0..7).map(device).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"accountName":"0242078689-00001","type":"upgradeFinished","upgradeFinished":{{"upgradeId":"e3a8d88a-04c6-4ef3-b039-89b62f91e962","firmwareName":"FOTA_Model-A_01To02","startDate":"2018-04-01T16:03:00.000Z","status":"Finished","deviceList":[{devices}]}}}}"#
    )
}

#[divan::bench]
fn parse_and_check(bencher: Bencher<'_, '_>) {
    let json = message();
    bencher.bench(|| parse_published(black_box(json.as_bytes())).unwrap());
}

#[divan::bench]
fn fill_in_user_name_and_password(bencher: Bencher<'_, '_>) {
    let body = parse_published(message().as_bytes()).unwrap().body;
    bencher.bench(|| splice_credentials(black_box(&body), "fota-user", "fota-pass"));
}

#[divan::bench(args = [false, true])]
fn sign(bencher: Bencher<'_, '_>, with_ed25519: bool) {
    let ed25519 = with_ed25519.then(|| Ed25519Key::from_seed(&[7; 32]));
    let key = SigningKey::new(HmacKey::from_bytes(&[7; 32]).unwrap(), ed25519);
    let body = message();
    bencher.bench(|| key.sign("msg_0123456789abcdefghjkmnpqrs", 1_767_225_600, black_box(body.as_bytes())));
}

/// All that is done to a kept body before it is sent: filled in and signed.
#[divan::bench]
fn build_and_sign_a_delivery(bencher: Bencher<'_, '_>) {
    let key = SigningKey::new(HmacKey::from_bytes(&[7; 32]).unwrap(), None);
    let body = parse_published(message().as_bytes()).unwrap().body;
    bencher.bench(|| {
        let delivered = splice_credentials(black_box(&body), "fota-user", "fota-pass");
        let signature = key.sign("msg_0123456789abcdefghjkmnpqrs", 1_767_225_600, &delivered);
        (delivered, signature)
    });
}

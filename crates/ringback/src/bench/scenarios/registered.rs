//! Registering and listing, among few registered accounts and among very many.

use std::time::Instant;

use anyhow::{Context as _, anyhow};
use ringback_wire::routes;

use super::Bench;
use crate::bench::exchange::Exchange;
use crate::bench::figures::{self, Run};
use crate::bench::latency::{Percentiles, histogram};
use crate::bench::message::{PASSWORD, USER_NAME};
use crate::bench::server::Server;
use crate::bench::stage::{Stage, account};
use crate::failure::Outcome;

/// Every run: first among few, then among many.
pub(super) async fn run(bench: &mut Bench) -> Outcome<Vec<Run>> {
    let stage = bench.stage(bench.scale.few_registered, 1).await?;
    let mut few = Vec::new();
    for _ in 0..bench.runs {
        few.push(measure(bench, &stage, bench.scale.few_registered).await?);
    }
    stage
        .register(bench.scale.few_registered..bench.scale.many_registered, |number| {
            bench.sink.url(number, 1, "good")
        })
        .await?;
    let mut runs = Vec::new();
    for (few_register, few_list) in few {
        let (register, list) = measure(bench, &stage, bench.scale.many_registered).await?;
        let mut run = Run::default();
        run.note(figures::FEW_REGISTER_P50, few_register.p50);
        run.note(figures::REGISTER_P50, register.p50);
        run.note(figures::REGISTER_P99, register.p99);
        run.note(figures::REGISTER_RATIO, register.p50 / few_register.p50);
        run.note(figures::FEW_LIST_P50, few_list.p50);
        run.note(figures::LIST_P50, list.p50);
        run.note(figures::LIST_P99, list.p99);
        run.note(figures::LIST_RATIO, list.p50 / few_list.p50);
        runs.push(run);
    }
    Ok(runs)
}

/// Registers anew and lists, one call after another, accounts from all over those that are registered.
async fn measure(bench: &Bench, stage: &Stage, registered: u64) -> Outcome<(Percentiles, Percentiles)> {
    let server = Server::start(stage).await?;
    let token = server.token(&stage.secrets).await?;
    let session = server.session(&stage.secrets, &token).await?;
    let mut exchange = server.connect().await?;
    let (mut register, mut list) = (histogram(), histogram());
    let url = bench.sink.url(0, 1, "good");
    let body = serde_json::json!({"name": "Fota", "url": url, "username": USER_NAME, "password": PASSWORD})
        .to_string();
    for number in 0..bench.scale.calls {
        let path = routes::CALLBACKS_PATH
            .replace("{account}", &account(number * registered / bench.scale.calls).to_string());
        let head = format!(
            "{path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\nvz-m2m-token: {session}\r\n"
        );
        let call = format!(
            "POST {head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        for (call, taken) in [(call, &mut register), (format!("GET {head}\r\n"), &mut list)] {
            let begun = Instant::now();
            ask(&mut exchange, &call).await?;
            taken.saturating_record(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }
    server.stop().await?;
    Ok((Percentiles::of(&register), Percentiles::of(&list)))
}

async fn ask(exchange: &mut Exchange, call: &str) -> Outcome {
    let answer = exchange.ask(call.as_bytes()).await.context("the server does not answer")?;
    if answer.status == 200 {
        return Ok(());
    }
    let said = String::from_utf8_lossy(answer.body).into_owned();
    Err(anyhow!("the server answered {}: {said}", answer.status).into())
}

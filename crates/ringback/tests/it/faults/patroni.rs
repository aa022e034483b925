//! What befalls a cluster under Patroni without its primary dying: its standbys die, and etcd loses its majority. (Where the
//! primary dies: `torture::cluster::primaries`.)

use ringback_testbed::Patroni;

use super::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn neither_standbys_that_die_nor_an_etcd_without_a_majority_cost_what_was_accepted() {
    let Some(mut patroni) = Patroni::on_three_etcds().await else { return };
    let scene = Scene::on(patroni.database("ringback").await, &[]).await;
    let mut count = 0;

    // The other one takes its place. Until Patroni has named it, nothing is told as accepted.
    patroni.kill_the_synchronous_standby().await;
    all_is_well(&scene, &mut count).await;
    patroni.until_synchronous().await;

    // Without any the primary goes on alone, where Patroni may have it so.
    let last = patroni.kill_the_synchronous_standby().await;
    all_is_well(&scene, &mut count).await;
    // Where it may not, nothing is accepted that the primary alone has.
    patroni.be_strict(true).await;
    patroni.revive(last);
    patroni.until_synchronous().await;
    patroni.kill_the_synchronous_standby().await;
    scene.refused("alone").await;
    scene.refused("alone").await;
    patroni.revive(last);
    scene.accepted_soon("alone").await;
    count += 1;
    scene.arrived(count).await;
    all_is_well(&scene, &mut count).await;

    // There can't be two primaries, so there is none.
    patroni.kill_etcds_majority();
    patroni.until_nobody_leads().await;
    for _ in 0..3 {
        scene.refused("nobody leads").await;
    }
    assert_eq!(scene.endpoint.received().len(), count);
    patroni.revive_etcd();
    scene.accepted_soon("nobody leads").await;
    count += 1;
    scene.arrived(count).await;
    all_is_well(&scene, &mut count).await;
    scene.end(count);
}

/// A message is accepted and arrives, as soon as the server has a database that may take it.
async fn all_is_well(scene: &Scene, count: &mut usize) {
    *count += 1;
    scene.accepted_soon(&format!("message {count}")).await;
    scene.arrived(*count).await;
}

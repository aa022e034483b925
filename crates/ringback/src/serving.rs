//! A running service: what `serve` and `dev` have in common.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use ipnet::IpNet;
use ringback_server::api::HostNames;
use ringback_server::clock::Clock;
use ringback_server::dispatch::{DispatchSettings, Signing};
use ringback_server::send::SenderSettings;
use ringback_server::service::{ConnectionLimits, Service, ServiceSettings, StartError, TrustedProxies};
use ringback_store::Store;

use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// A service and how long its stop may take.
pub(crate) struct Serving {
    service: Service,
    grace: Duration,
}

impl Serving {
    /// Starts it. `port_flag` is the flag that would choose another port.
    pub(crate) async fn start(
        config: &Config,
        store: Arc<dyn Store>,
        clock: Clock,
        port_flag: &str,
    ) -> Outcome<Self> {
        let service = Service::start(settings(config)?, store, clock)
            .await
            .map_err(|error| not_started(error, port_flag))?;
        Ok(Self { service, grace: config.delivery.stop_grace })
    }

    /// Where it listens, with the port that it got.
    pub(crate) fn address(&self) -> SocketAddr {
        self.service.local_addr()
    }

    /// Where the operators' pages are, if they have an address of their own.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.service.admin_addr()
    }

    /// Looks at once whether the certificate has changed.
    pub(crate) fn reload(&self) {
        self.service.reload();
    }

    /// Waits until it sends no callbacks any more, by a fault; what to end with then.
    pub(crate) async fn ended(&self) -> Failure {
        self.service.ended().await;
        Failure::new(
            ExitCode::Internal,
            anyhow!("the dispatcher has ended: no callbacks are sent until a restart"),
        )
    }

    /// Lets what is under way finish, and stops.
    pub(crate) async fn stop(self) {
        self.service.stop(self.grace).await;
    }
}

fn settings(config: &Config) -> Outcome<ServiceSettings> {
    let policy = Arc::new(config.egress.policy());
    let teller = config.events.teller(&policy)?;
    let trusted = config.trust.load()?;
    let sender = SenderSettings {
        policy,
        proxy: config.egress.proxy.clone(),
        roots: trusted.roots,
        extra_roots: trusted.extra_roots,
        endpoints: trusted.endpoints,
        source_address: config.egress.source_address,
        connect_timeout: config.delivery.connect_timeout,
        timeout: config.delivery.request_timeout,
        max_body_bytes: config.limits.response_bytes,
        ..SenderSettings::default()
    };
    let dispatch = DispatchSettings {
        engine: config.delivery.engine(),
        signing: if config.signing.ed25519 { Signing::HmacAndEd25519 } else { Signing::Hmac },
        ..DispatchSettings::default()
    };
    Ok(ServiceSettings {
        listen: config.listening.listen,
        admin_listen: config.listening.admin_listen,
        tls: config.listening.tls.clone(),
        hosts: HostNames::new(config.listening.server_names.iter().cloned()),
        proxies: TrustedProxies::new(config.listening.trusted_proxies.iter().copied()),
        limits: config.limits.api.clone(),
        connections: connections(config),
        dispatch,
        sender,
        teller,
        tracer: config.tracing.settings(),
        retention: config.retention.0,
    })
}

/// Behind a proxy many clients come from one address: its connections are not counted as one client's.
fn connections(config: &Config) -> ConnectionLimits {
    let mut limits = config.limits.connections.clone();
    limits.uncounted.extend(&config.listening.trusted_proxies);
    if config.listening.behind_proxy {
        limits.uncounted.extend(
            [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
                .map(|address: IpAddr| IpNet::from(address)),
        );
    }
    limits
}

fn not_started(error: StartError, port_flag: &str) -> Failure {
    match error {
        StartError::PortTaken(address) => Failure::new(
            ExitCode::PortTaken,
            anyhow!("{address} is in use by another program: choose another port with {port_flag}"),
        ),
        StartError::Listen { .. } | StartError::Tls(_) => Failure::new(ExitCode::Configuration, error),
        StartError::Sender(_) => Failure::new(ExitCode::Configuration, error),
        StartError::Store(error) => error.into(),
        StartError::Threads(_) => Failure::new(ExitCode::Internal, error),
    }
}

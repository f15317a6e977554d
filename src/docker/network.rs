//! Networks, each with eight addresses of its own out of one pool.
//!
//! The engine's own defaults end at about thirty networks; with explicit subnets there is room for thousands.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::Docker;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};
use tokio::sync::Mutex;

use super::firewall::{Firewall, Reach};
use super::{BUILD, DATA, Engine, SPACE_ID, is_gone, status};

/// Bits of one network's prefix: eight addresses, five of them for containers.
const BITS: u8 = 29;

/// How many subnets are tried before it is given up: others on the host may use some that the engine does not know.
const TRIES: usize = 64;

/// The networks of this data folder: those of Spaces, or those of builds.
#[derive(Debug)]
pub struct Networks {
    engine: Engine,
    /// The label that says whose one is.
    label: &'static str,
    pool: (Ipv4Addr, u8),
    firewall: Firewall,
    /// One subnet is chosen after the other; and which networks were asked for when, for somebody may be about to
    /// connect to one that nobody uses yet.
    choosing: Mutex<HashMap<String, Instant>>,
}

/// A network that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The address of this host on it.
    pub host: Option<Ipv4Addr>,
    /// The name of its bridge.
    bridge: String,
}

/// How long whoever asked for a network may take to connect to it.
const GRACE: Duration = Duration::from_secs(600);

// === impl Networks ===

impl Networks {
    /// The networks of Spaces, out of that pool: its first address and its bits.
    pub fn new(engine: Engine, pool: (Ipv4Addr, u8)) -> Self {
        Self::labelled(SPACE_ID, engine, pool)
    }

    /// The networks of builds, out of the same pool.
    pub fn of_builds(engine: Engine, pool: (Ipv4Addr, u8)) -> Self {
        Self::labelled(BUILD, engine, pool)
    }

    fn labelled(label: &'static str, engine: Engine, pool: (Ipv4Addr, u8)) -> Self {
        Self {
            engine,
            label,
            pool,
            firewall: Firewall::default(),
            choosing: Mutex::default(),
        }
    }

    /// Whether what is connected to these networks is kept off this host.
    ///
    /// # Errors
    /// Why not, as the operator should read it.
    pub async fn isolated(&self) -> anyhow::Result<()> {
        self.firewall.ensure().await
    }

    /// Looks whether it still is, and puts back what is gone.
    ///
    /// # Errors
    /// As [`Self::isolated`].
    pub async fn look(&self) -> anyhow::Result<()> {
        self.firewall.look().await
    }

    /// The name of the network of `whose`, whether it is there or not.
    pub fn name(&self, whose: &str, reach: Reach) -> String {
        // A data folder that is a copy of another has the same Spaces, and is to have none of its networks.
        let data = self.engine.data();
        format!("glasshouse-{data}-{whose}-{}", reach.as_str())
    }

    /// The network of `whose`, made if it is not there.
    ///
    /// # Errors
    /// When the engine will not.
    pub async fn ensure(&self, whose: &str, reach: Reach) -> anyhow::Result<Network> {
        let name = self.name(whose, reach);
        let bridge = bridge(self.engine.data(), whose, reach);
        let docker = self.engine.connect_to_make().await?;
        let mut asked = self.choosing.lock().await;
        // What an earlier version named, without the data folder: its containers may be connected still.
        let former = format!("glasshouse-{whose}-{}", reach.as_str());
        for name in [&name, &former] {
            asked.insert(name.clone(), Instant::now());
            if let Some(found) = self.find(&docker, name).await? {
                return Ok(found);
            }
        }
        let taken = self.taken().await?;
        let mut free =
            subnets(self.pool).filter(|subnet| !taken.iter().any(|other| overlap(*subnet, *other)));
        for _ in 0..TRIES {
            let subnet = free
                .next()
                .context("the pool of networks (`docker.network_pool`) is used up")?;
            let request = self.request(&name, whose, reach, subnet);
            match docker.create_network(request).await {
                Ok(_) => {
                    let host = Some(first_of(subnet));
                    return Ok(Network { name, host, bridge });
                }
                // Somebody else on this host has those addresses.
                Err(error) if error.to_string().contains("overlap") => {}
                // Somebody has made it meanwhile.
                Err(error) if status(&error) == Some(409) => {
                    let host = None;
                    return Ok(Network { name, host, bridge });
                }
                Err(error) => return Err(error.into()),
            }
        }
        bail!("no subnet of the pool (`docker.network_pool`) is free")
    }

    /// The network of that name, if it is this data folder's.
    async fn find(&self, docker: &Docker, name: &str) -> anyhow::Result<Option<Network>> {
        let found = docker
            .inspect_network(name, None::<InspectNetworkOptions>)
            .await;
        let found = match found {
            Ok(found) => found,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let labels = found.labels.unwrap_or_default();
        let options = found.options.unwrap_or_default();
        let ours = labels.get(DATA).map(String::as_str) == Some(self.engine.data());
        let bridge = options.get(super::BRIDGE_NAME).filter(|_| ours);
        Ok(bridge.map(|bridge| Network {
            name: name.to_owned(),
            host: found.ipam.as_ref().and_then(host_on),
            bridge: bridge.clone(),
        }))
    }

    fn request(
        &self,
        name: &str,
        whose: &str,
        reach: Reach,
        (first, bits): (Ipv4Addr, u8),
    ) -> NetworkCreateRequest {
        let options = [
            (super::BRIDGE_NAME, bridge(self.engine.data(), whose, reach)),
            // Neighbours on one network are instances of one Space; they have nothing to say to each other.
            ("com.docker.network.bridge.enable_icc", "false".to_owned()),
        ];
        NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".into()),
            internal: Some(reach == Reach::Nothing),
            enable_ipv6: Some(false),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(format!("{first}/{bits}")),
                    gateway: Some(first_of((first, bits)).to_string()),
                    ..IpamConfig::default()
                }]),
                ..Ipam::default()
            }),
            options: Some(options.map(|(key, value)| (key.to_owned(), value)).into()),
            labels: Some(HashMap::from([
                (DATA.to_owned(), self.engine.data().to_owned()),
                (self.label.to_owned(), whose.to_owned()),
            ])),
            ..NetworkCreateRequest::default()
        }
    }

    /// Every subnet the engine knows.
    async fn taken(&self) -> anyhow::Result<Vec<(Ipv4Addr, u8)>> {
        let docker = self.engine.connect().await?;
        let networks = docker.list_networks(None::<ListNetworksOptions>).await?;
        let configs = networks
            .into_iter()
            .filter_map(|network| network.ipam?.config)
            .flatten();
        Ok(configs
            .filter_map(|config| parse(&config.subnet?))
            .collect())
    }

    /// Removes the networks of `whose`, or all of these that nobody uses.
    ///
    /// # Errors
    /// When the engine does not answer. A network in use stays.
    pub async fn remove(&self, whose: Option<&str>) -> anyhow::Result<()> {
        let docker = self.engine.connect().await?;
        let mut filters = self.engine.own();
        let label = match whose {
            Some(whose) => format!("{}={whose}", self.label),
            None => self.label.to_owned(),
        };
        filters.entry("label".to_owned()).or_default().push(label);
        let options = ListNetworksOptions {
            filters: Some(filters),
        };
        let mut asked = self.choosing.lock().await;
        asked.retain(|_, at| at.elapsed() < GRACE);
        for network in docker.list_networks(Some(options)).await? {
            let (Some(id), Some(name)) = (network.id, network.name) else {
                continue;
            };
            if whose.is_none() && asked.contains_key(&name) {
                continue;
            }
            if let Err(error) = docker.remove_network(&id).await
                && !matches!(status(&error), Some(403 | 404 | 409))
            {
                return Err(error.into());
            }
        }
        Ok(())
    }
}

// === impl Network ===

impl Network {
    /// Whether its bridge is one of this host's: only then do the packet filter's rules reach what is connected to it, and
    /// the gateway too.
    ///
    /// # Errors
    /// Why not, as the operator should read it.
    pub fn is_here(&self) -> anyhow::Result<()> {
        match super::has_interface(&self.bridge) {
            true => Ok(()),
            false => bail!(super::NETWORKS_ELSEWHERE),
        }
    }
}

/// Of at most fifteen characters, as Linux has it (`IFNAMSIZ`).
fn bridge(data: &str, whose: &str, reach: Reach) -> String {
    let both = blake3::hash(format!("{data} {whose}").as_bytes());
    format!("{}-{}", reach.prefix(), &both.to_hex()[..11])
}

/// The address of this host on a network: the first in its subnet, as it is made.
fn host_on(ipam: &Ipam) -> Option<Ipv4Addr> {
    let config = ipam.config.as_ref()?.first()?;
    let stated = config
        .gateway
        .as_ref()
        .and_then(|stated| stated.parse().ok());
    stated.or_else(|| Some(first_of(parse(config.subnet.as_ref()?)?)))
}

fn first_of((first, _): (Ipv4Addr, u8)) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(first) + 1)
}

fn parse(subnet: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, bits) = subnet.split_once('/')?;
    Some((address.parse().ok()?, bits.parse().ok()?))
}

/// Every subnet of the pool, in order.
fn subnets((first, bits): (Ipv4Addr, u8)) -> impl Iterator<Item = (Ipv4Addr, u8)> {
    let first = u32::from(first);
    let count = 1u32 << BITS.saturating_sub(bits);
    let size = 1u32 << (32 - BITS);
    (0..count).map(move |index| (Ipv4Addr::from(first + index * size), BITS))
}

/// Whether two networks share an address.
fn overlap((a, a_bits): (Ipv4Addr, u8), (b, b_bits): (Ipv4Addr, u8)) -> bool {
    let bits = u32::from(a_bits.min(b_bits).min(32));
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    u32::from(a) & mask == u32::from(b) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_disjoint_subnets() {
        let all: Vec<_> = subnets((Ipv4Addr::new(10, 213, 0, 0), 24)).collect();
        assert_eq!(all.len(), 32);
        assert_eq!(all[31], (Ipv4Addr::new(10, 213, 0, 248), 29));
        for (index, one) in all.iter().enumerate() {
            assert!(all[index + 1..].iter().all(|other| !overlap(*one, *other)));
        }
    }

    #[test]
    fn a_larger_network_covers_a_smaller() {
        let small = parse("10.213.0.8/29").expect("a subnet");
        assert!(overlap(small, parse("10.0.0.0/8").expect("a subnet")));
        assert!(overlap(small, parse("0.0.0.0/0").expect("a subnet")));
        assert!(!overlap(small, parse("10.213.0.0/29").expect("a subnet")));
    }
}

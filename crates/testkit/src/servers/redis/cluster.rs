//! Masters that share the keys.

use super::{super::eventually, Authority, RedisServer, Tls, programs};

/// How many parts the keys have.
const SLOTS: usize = 16_384;

/// A Redis cluster of masters only; it ends when this is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster and waits until every node takes commands.
    #[must_use]
    pub fn start(masters: usize) -> Self {
        Self::start_with(masters, None)
    }

    /// The same, speaking nothing but TLS.
    #[must_use]
    pub fn start_with_tls(masters: usize, authority: &Authority, names: &[&str]) -> Self {
        Self::start_with(masters, Some((authority, names)))
    }

    fn start_with(masters: usize, tls: Option<Tls<'_>>) -> Self {
        let cluster = Self { nodes: (0..masters).map(|_| start_node(tls)).collect() };
        for (number, node) in cluster.nodes.iter().enumerate() {
            let (first, last) = (number * SLOTS / masters, (number + 1) * SLOTS / masters - 1);
            assert_eq!(node.cli(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]), "OK");
            // Two nodes with the same epoch would have to agree on another one first.
            assert_eq!(node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]), "OK");
        }
        cluster.introduce();
        eventually(|| cluster.nodes.iter().all(|node| cluster.is_whole_to(node)).then_some(()))
            .expect("a whole cluster");
        cluster
    }

    /// Tells the first node of the others; they hear of each other from it.
    fn introduce(&self) {
        let mut nodes = self.nodes.iter();
        let first = nodes.next().expect("a master");
        for other in nodes {
            let (host, port) = (other.address.ip().to_string(), other.address.port().to_string());
            let bus = other.cli(&["CONFIG", "GET", "cluster-port"]);
            let bus = bus.lines().last().unwrap_or_default();
            assert_eq!(first.cli(&["CLUSTER", "MEET", &host, &port, bus]), "OK");
        }
    }

    /// Whether a node knows all others and that every slot is somebody's.
    fn is_whole_to(&self, node: &RedisServer) -> bool {
        let state = node.cli(&["CLUSTER", "INFO"]);
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        let has = |wanted: &str| state.lines().any(|line| line.trim_end() == wanted);
        has("cluster_state:ok") && has(&known)
    }

    /// Its nodes, each of which can be stopped, paused and started again.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// How an application reaches it: every node's URL.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }
}

fn start_node(tls: Option<Tls<'_>>) -> RedisServer {
    let bus = programs::free_address().port().to_string();
    let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
    RedisServer::start_with(&options, None, tls)
}

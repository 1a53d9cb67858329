//! Metrics: what the parts of the program count and measure, for Prometheus. Each part owns what it counts and registers it here; no
//! label has a value that a client chose, or one for each user.

use std::{fmt, time::Instant};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge, histogram::Histogram},
    registry::Registry,
};

/// The prefix of all names.
const PREFIX: &str = "gatehouse";

/// Upper bounds in seconds: from a lookup in memory to the longest that a request may take.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// An empty registry.
pub fn registry() -> Registry {
    Registry::with_prefix(PREFIX)
}

/// A histogram of durations.
pub fn durations() -> Histogram {
    Histogram::new(SECONDS)
}

/// Adds the time since then.
pub fn observe_since(histogram: &Histogram, since: Instant) {
    histogram.observe(since.elapsed().as_secs_f64());
}

/// A count for each combination of values of some labels; cheap to clone.
#[derive(Clone, Default)]
pub struct Counts<const N: usize>(Family<Labels<N>, Counter>);

/// Names and values of labels.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

impl<const N: usize> Counts<N> {
    /// Counts one more.
    pub fn add(&self, labels: Labels<N>) {
        self.0.get_or_create(&labels).inc();
    }

    /// Registers the counts. Those with these labels begin at zero, so that the first one is seen to be one more.
    pub fn register(
        &self,
        registry: &mut Registry,
        name: &str,
        help: &str,
        known: impl IntoIterator<Item = Labels<N>>,
    ) {
        for labels in known {
            drop(self.0.get_or_create(&labels));
        }
        registry.register(name, help, self.0.clone());
    }
}

/// A value that is read when metrics are asked for; `None`: it is not known now, and left out.
pub struct GaugeAtScrape<F> {
    name: &'static str,
    help: &'static str,
    read: F,
}

impl<F: Fn() -> Option<f64> + Send + Sync + 'static> GaugeAtScrape<F> {
    /// Registers the value.
    pub fn register(registry: &mut Registry, name: &'static str, help: &'static str, read: F) {
        registry.register_collector(Box::new(Self { name, help, read }));
    }
}

impl<F> fmt::Debug for GaugeAtScrape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugeAtScrape").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F: Fn() -> Option<f64> + Send + Sync + 'static> Collector for GaugeAtScrape<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(value) = (self.read)() else { return Ok(()) };
        let encoder = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }
}

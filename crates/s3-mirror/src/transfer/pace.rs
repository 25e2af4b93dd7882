//! A limit on the bytes per second: [`Pace`].

use std::num::NonZeroU64;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use laion_fmri_base::lock;

/// An upper bound on bytes per second, shared by all transfers of a run.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Option<NonZeroU64>,
    /// When the bytes that were let through so far are paid for.
    paid: Mutex<Instant>,
}

/// How far ahead of its rate a run may be; a shorter time would only cost wake-ups.
const SLACK: Duration = Duration::from_millis(50);

impl Pace {
    pub(super) fn new(rate: Option<NonZeroU64>) -> Self {
        Self { rate, paid: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be taken.
    pub(super) async fn take(&self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
        let paid = {
            let mut paid = lock(&self.paid);
            *paid = (*paid).max(Instant::now()) + cost;
            *paid
        };
        let ahead = paid.saturating_duration_since(Instant::now());
        if ahead > SLACK {
            tokio::time::sleep(ahead).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_paid_with_time() {
        let pace = Pace::new(NonZeroU64::new(1_000_000));
        let start = Instant::now();
        for _ in 0..10 {
            pace.take(30_000).await;
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((0.24..1.5).contains(&seconds), "{seconds}");
        let free = Pace::new(None);
        free.take(usize::MAX).await;
    }
}

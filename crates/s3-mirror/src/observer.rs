//! Watching a transfer: [`Observer`].

use crate::{Outcome, Plan, PlanItem};

/// Is told how a [`transfer`](crate::transfer) proceeds. Every method does nothing by default.
///
/// # Contract
///
/// * [`planned`](Self::planned) is called once, before everything else.
/// * [`finished`](Self::finished) is called exactly once for every item of the plan, whatever its
///   action, unless the future of the transfer is dropped. Items that need no transfer are finished
///   too (kept, withheld, refused), and so are those that a stop left out
///   ([`Outcome::NotAttempted`]).
/// * [`started`](Self::started) is called at most once per item, only for items to fetch, when the
///   first request for it is about to be sent. `finished` always follows; an item that is finished
///   without having been started was never asked for.
/// * [`advanced`](Self::advanced) is called between the two, once per chunk that was handed to the
///   file, with the bytes of that chunk (never 0, never the sum). The bytes of an item add up to its
///   size (together with those resumed, less those discarded) when it is fetched, and to less when it
///   fails; a display should take those back in `finished`.
/// * [`resumed`](Self::resumed) is called at most once per version of an object, before the first
///   `advanced`, with the bytes that an earlier transfer left; [`discarded`](Self::discarded) takes
///   back bytes that were reported before by either, because the object changed, arrived damaged, or
///   cannot be continued. What was reported minus what was discarded is what is there.
/// * Items run at once, up to the number of jobs, so calls for different items alternate. Items are
///   started in plan order and finished in any order.
/// * All calls come from whichever thread polls the future, one after another, never two at once. A
///   method must return quickly (microseconds): no transfer proceeds while it runs. It must not
///   block on the transfer.
/// * A method cannot fail and cannot stop the transfer; a [`Cancel`](crate::Cancel) that the
///   observer holds can. A panic passes through the future; temporary files are still removed.
pub trait Observer: Sync {
    /// The transfer is about to begin.
    fn planned(&self, plan: &Plan) {
        let _ = plan;
    }

    /// The first request for `item` is about to be sent.
    fn started(&self, item: &PlanItem) {
        let _ = item;
    }

    /// `bytes` more bytes of `item` have arrived.
    fn advanced(&self, item: &PlanItem, bytes: u64) {
        let _ = (item, bytes);
    }

    /// `bytes` of `item` are there from an earlier transfer.
    fn resumed(&self, item: &PlanItem, bytes: u64) {
        let _ = (item, bytes);
    }

    /// `bytes` of `item` that were reported are thrown away.
    fn discarded(&self, item: &PlanItem, bytes: u64) {
        let _ = (item, bytes);
    }

    /// Nothing more happens to `item`.
    fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        let _ = (item, outcome);
    }
}

/// Watches nothing.
impl Observer for () {}

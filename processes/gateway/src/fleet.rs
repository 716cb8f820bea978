//! The workers that are up.

use std::sync::{Arc, Mutex};

use policy::{Candidate, Denial};
use proto::{ModelName, WorkerId};

use crate::engine::{Ended, Worker};
use crate::sync::locked;

/// Every worker that is up.
#[derive(Debug, Default)]
pub(crate) struct Fleet(Mutex<Vec<Arc<Worker>>>);

impl Fleet {
    /// A worker came up.
    pub(crate) fn add(&self, worker: Arc<Worker>) {
        locked(&self.0).push(worker);
    }

    /// A worker's link has ended.
    pub(crate) fn remove(&self, id: WorkerId) {
        locked(&self.0).retain(|worker| worker.id != id);
    }

    /// The supervisor says that a worker ended.
    pub(crate) fn down(&self, id: WorkerId) {
        if let Some(worker) = self.find(id) {
            worker.end(Ended::Gone);
        }
    }

    /// The worker of that id.
    pub(crate) fn find(&self, id: WorkerId) -> Option<Arc<Worker>> {
        locked(&self.0).iter().find(|worker| worker.id == id).cloned()
    }

    /// The workers of a model, for policy to choose from.
    pub(crate) fn candidates(&self, model: &str) -> Vec<Candidate> {
        locked(&self.0)
            .iter()
            .filter(|worker| worker.model.as_str() == model)
            .map(|worker| worker.candidate())
            .collect()
    }

    /// How many workers of a model are up.
    pub(crate) fn up(&self, model: &ModelName) -> usize {
        locked(&self.0).iter().filter(|worker| worker.model == *model).count()
    }

    /// Fails everything in flight.
    pub(crate) fn fail_all(&self, why: &Denial) {
        let workers = locked(&self.0).clone();
        for worker in workers {
            worker.fail_all(why);
        }
    }
}

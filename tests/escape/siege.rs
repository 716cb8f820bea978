//! One Stockade in which every model but one has been taken over.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use stockade_hostile::{Attack, VERDICT};
use stockade_tests::{Build, Options, PATIENCE, Package, Stockade, is_root, places, within};

use crate::outside::Outside;

/// Attackers, each a package of its own, beside an honest one.
pub(crate) struct Siege {
    stockade: Stockade,
    outside: Outside,
}

impl Siege {
    /// Starts Stockade with a package for each attack and an honest one.
    pub(crate) fn lay(attacks: &[Attack]) -> Self {
        let outside = Outside::new();
        let options = attacks.iter().fold(Options::demo(), |options, attack| {
            let order = format!("{}\n{}\n", attack.name, outside.target(attack.name));
            options.model(attack.name, Package::demo_with("attack.txt", &order))
        });
        let stockade = Stockade::start(options.replace("stockade-worker", hostile()));
        Self { stockade, outside }
    }

    /// What is wrong with how an attack was met; nothing when all is well.
    pub(crate) fn complaint(&self, attack: &Attack) -> Option<String> {
        // An attack begins when somebody asks. What the attacker answers is of no interest.
        let question = json!({"model": attack.name, "messages": [{"role": "user", "content": "Go."}]});
        let _ = self.stockade.try_post("/v1/chat/completions", &question);
        match within(PATIENCE, || self.met(attack)) {
            None => return Some("neither denied nor got through, or not recorded".to_owned()),
            Some(Err(verdict)) => return Some(verdict),
            Some(Ok(())) => {}
        }
        // The honest model is served all the while.
        let answer = self.stockade.chat("Hello!");
        (answer.status() != 200).then(|| format!("the honest model answered {}", answer.text()))
    }

    /// How an attack was met; nothing while that is open.
    fn met(&self, attack: &Attack) -> Option<Result<(), String>> {
        let records = Records(self.stockade.records());
        let workers = self.workers(attack.name, &records);
        let denied = match self.verdict(attack.name) {
            Some(verdict) if verdict.starts_with("denied") => true,
            Some(verdict) => return Some(Err(verdict)),
            None => attack.deadly && records.ended(&workers),
        };
        let seen = !is_root() || attack.refused.is_empty() || records.refused(&workers, attack.refused);
        (denied && seen).then_some(Ok(()))
    }

    /// What the attacker says, in the supervisor's log.
    fn verdict(&self, attack: &str) -> Option<String> {
        let errors = self.stockade.errors();
        let start = format!("{VERDICT} {attack} ");
        errors.lines().find_map(|line| line.split_once(&start).map(|(_, verdict)| verdict.to_owned()))
    }

    /// The starts of a model's worker.
    fn workers(&self, model: &str, records: &Records) -> Vec<Value> {
        let models = self.stockade.serving()["models"].as_array().unwrap();
        let served = models.iter().find(|served| served["name"] == model).unwrap();
        records.started(&served["package"]["digest"])
    }

    /// What is wrong when it is over: somebody came through, an honest process is accused, or the ledger
    /// does not hold.
    pub(crate) fn lifted(self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.outside.was_reached() {
            complaints.push("something outside was reached".to_owned());
        }
        let records = Records(self.stockade.records());
        let models = self.stockade.serving()["models"].as_array().unwrap();
        let names = models.iter().filter_map(|served| served["name"].as_str());
        let attackers: Vec<Value> =
            names.filter(|name| *name != "demo").flat_map(|name| self.workers(name, &records)).collect();
        let accused = records.named("attempt_denied");
        for data in accused.filter(|data| !attackers.contains(&data["worker"])) {
            complaints.push(format!("an honest process is accused: {data}"));
        }
        let verified = self.stockade.ledger().verify();
        if verified.code != Some(0) {
            complaints.push(format!("the ledger does not hold: {verified:?}"));
        }
        complaints
    }
}

/// The ledger, as its command line tells it.
struct Records(Vec<Value>);

impl Records {
    /// What is said by the records of one event.
    fn named(&self, event: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |record| record["event"] == event).map(|record| &record["data"])
    }

    /// The starts of a package's worker.
    fn started(&self, package: &Value) -> Vec<Value> {
        let own = self.named("process_started").filter(|data| data["package"] == *package);
        own.map(|data| data["worker"].clone()).collect()
    }

    /// Whether one of these workers was ended for what it tried.
    fn ended(&self, workers: &[Value]) -> bool {
        let mut own = self.named("process_ended").filter(|data| workers.contains(&data["worker"]));
        own.any(|data| {
            let cause = data["cause"].as_str().unwrap_or_default();
            ["seccomp", "out_of_memory"].contains(&cause) && data["blame"] == "package"
        })
    }

    /// Whether one of these workers was refused one of these calls.
    fn refused(&self, workers: &[Value], calls: &[&str]) -> bool {
        let mut own = self.named("attempt_denied").filter(|data| workers.contains(&data["worker"]));
        own.any(|data| {
            data["channel"] == "seccomp" && calls.contains(&data["target"].as_str().unwrap_or_default())
        })
    }
}

/// The hostile engine, built apart from everything that ships.
pub(crate) fn hostile() -> &'static Path {
    static BUILT: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| {
        places::build_packages(Build::Development, &["stockade-hostile"], &[]);
        places::target(Build::Development).join("stockade-hostile")
    })
}

/// One siege at a time: each is a dozen engines.
pub(crate) fn alone() -> impl Drop {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

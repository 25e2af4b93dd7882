//! Which share of the tasks this process runs, according to the variables of array jobs.

use crate::exit::CommandError;

const SHARE_HINT: &str = "name the share with --task I --of N";

/// Every `of`-th task, beginning with `task`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) task: usize,
    pub(super) of: usize,
}

impl Share {
    pub(super) fn has(&self, task: usize) -> bool {
        task % self.of == self.task
    }

    pub(super) fn check(&self) -> Result<(), CommandError> {
        if self.task < self.of {
            return Ok(());
        }
        let Self { task, of } = self;
        let message = format!("there is no task {task} of {of}: tasks count from 0");
        Err(CommandError::usage(message))
    }
}

/// One scheduler: the variables that hold the number of this task and what numbers there are.
struct Scheduler {
    id: &'static str,
    first: Option<&'static str>,
    last: Option<&'static str>,
    step: Option<&'static str>,
    count: Option<&'static str>,
    /// The number of the first task when no variable says it.
    counts_from: usize,
}

/// PBS Professional and OpenPBS, and Torque: neither says how many tasks there are.
const PBS: Scheduler = Scheduler {
    id: "PBS_ARRAY_INDEX",
    first: None,
    last: None,
    step: None,
    count: None,
    counts_from: 0,
};

const SCHEDULERS: [Scheduler; 5] = [
    Scheduler {
        id: "SLURM_ARRAY_TASK_ID",
        first: Some("SLURM_ARRAY_TASK_MIN"),
        last: Some("SLURM_ARRAY_TASK_MAX"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: Some("SLURM_ARRAY_TASK_COUNT"),
        counts_from: 0,
    },
    PBS,
    Scheduler { id: "PBS_ARRAYID", ..PBS },
    // Grid Engine; the variable is the word "undefined" outside of an array job.
    Scheduler {
        id: "SGE_TASK_ID",
        first: Some("SGE_TASK_FIRST"),
        last: Some("SGE_TASK_LAST"),
        step: Some("SGE_TASK_STEPSIZE"),
        count: None,
        counts_from: 1,
    },
    // LSF; the variable is 0 outside of an array job.
    Scheduler {
        id: "LSB_JOBINDEX",
        first: None,
        last: Some("LSB_JOBINDEX_END"),
        step: Some("LSB_JOBINDEX_STEP"),
        count: None,
        counts_from: 1,
    },
];

/// The share that the environment of an array job names; `None` outside of one. A scheduler that does
/// not say how many tasks there are has as many as the plan.
pub(super) fn share(
    get: impl Fn(&str) -> Option<String>,
    tasks: usize,
) -> Result<Option<Share>, CommandError> {
    let number = |name: Option<&'static str>| -> Result<Option<usize>, CommandError> {
        let Some((name, text)) = name.and_then(|name| Some((name, get(name)?))) else {
            return Ok(None);
        };
        if text.is_empty() || text == "undefined" {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            CommandError::usage(format!("{name}={text:?} is not a number")).hint(SHARE_HINT)
        })
    };
    for scheduler in &SCHEDULERS {
        let Some(id) = number(Some(scheduler.id))? else { continue };
        if scheduler.id == "LSB_JOBINDEX" && id == 0 {
            continue;
        }
        let first = number(scheduler.first)?.unwrap_or(scheduler.counts_from);
        let step = number(scheduler.step)?.unwrap_or(1).max(1);
        let offset = id.checked_sub(first).ok_or_else(|| {
            let message = format!("{}={id} is below the first task {first}", scheduler.id);
            CommandError::usage(message).hint(SHARE_HINT)
        })?;
        let last = number(scheduler.last)?;
        let of = match (number(scheduler.count)?, last.and_then(|last| last.checked_sub(first))) {
            (Some(count), _) => count,
            (None, Some(span)) => span / step + 1,
            (None, None) => tasks,
        };
        return Ok(Some(Share { task: offset / step, of }));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Share>, CommandError> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        share(get, 30)
    }

    fn is(variables: &[(&str, &str)], task: usize, of_tasks: usize) {
        let share = of(variables).unwrap();
        assert_eq!(share, Some(Share { task, of: of_tasks }), "{variables:?}");
    }

    #[test]
    fn every_scheduler_counts_in_its_way() {
        let id = ("SLURM_ARRAY_TASK_ID", "5");
        is(&[id, ("SLURM_ARRAY_TASK_COUNT", "7")], 5, 7);
        let count = ("SLURM_ARRAY_TASK_COUNT", "7");
        is(&[id, count, ("SLURM_ARRAY_TASK_MIN", "1")], 4, 7);
        let step = ("SLURM_ARRAY_TASK_STEP", "2");
        is(&[id, count, ("SLURM_ARRAY_TASK_MIN", "1"), step], 2, 7);
        is(&[id], 5, 30);
        is(&[("PBS_ARRAY_INDEX", "3")], 3, 30);
        is(&[("PBS_ARRAYID", "3")], 3, 30);
        is(&[("SGE_TASK_ID", "3"), ("SGE_TASK_FIRST", "1"), ("SGE_TASK_LAST", "6")], 2, 6);
        is(&[("SGE_TASK_ID", "3"), ("SGE_TASK_LAST", "6")], 2, 6);
        is(&[("LSB_JOBINDEX", "1"), ("LSB_JOBINDEX_END", "4")], 0, 4);
    }

    #[test]
    fn outside_of_array_jobs_there_is_no_share() {
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[("SGE_TASK_ID", "undefined"), ("LSB_JOBINDEX", "0")]).unwrap(), None);
        assert_eq!(of(&[("SLURM_ARRAY_TASK_ID", "")]).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_a_share_is_refused() {
        assert!(of(&[("SLURM_ARRAY_TASK_ID", "x")]).unwrap_err().to_string().contains("\"x\""));
        assert!(of(&[("SGE_TASK_ID", "0")]).unwrap_err().to_string().contains("below the first"));
        assert!(Share { task: 3, of: 3 }.check().is_err());
        let share = Share { task: 1, of: 3 };
        share.check().unwrap();
        assert_eq!((0..7).filter(|task| share.has(*task)).collect::<Vec<_>>(), [1, 4]);
    }
}

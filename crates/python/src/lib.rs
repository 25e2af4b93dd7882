//! The native half of the Python module `laion_fmri`: what touches data files or the network.
//!
//! The Python half, in `python/laion_fmri`, has the signatures and tables that users see, checks
//! their arguments and calls this module alone. Answers are numpy arrays, texts, tuples and
//! dictionaries.

mod arguments;
mod betas;
mod call;
mod command;
mod dataset;
mod download;
mod error;
mod extract;
mod figure;
mod files;
mod hint;
mod notes;
mod splits;
mod stimuli;
mod store;
mod subject;
mod template;

/// The module `laion_fmri._native`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::betas::{betas, compute_noise_ceiling, concat_betas, shared_betas, write_betas};
    #[pymodule_export]
    use crate::call::_panic;
    #[pymodule_export]
    use crate::command::main;
    #[pymodule_export]
    use crate::dataset::{Dataset, configured, initialize};
    #[pymodule_export]
    use crate::download::{
        Repair, accept_license, access_terms, answer_fault, download, download_stimuli,
        is_license_accepted, request_access,
    };
    #[pymodule_export]
    use crate::extract::{
        extract, plan_extraction, recipe, recipe_methods, recipe_toml, reproduce,
    };
    #[pymodule_export]
    use crate::figure::{
        available_maps, brain_grid, color_scale, mean_r2, slices, usual_noise_ceiling,
    };
    #[pymodule_export]
    use crate::files::{
        read_gifti, read_label, read_mask, read_rows, read_volume, read_voxels, write_nifti, zscore,
    };
    #[pymodule_export]
    use crate::splits::{
        duplicate_groups, leaks, list_ood_types, list_pools, list_splits, load_split, split_masks,
    };
    #[pymodule_export]
    use crate::stimuli::{Embeddings, Stimuli};
    #[pymodule_export]
    use crate::store::{Store, build_store, plan_store};
    #[pymodule_export]
    use crate::subject::{Subject, parse_subject};
    #[pymodule_export]
    use crate::template::{
        surface_to_template, template_name, volume_to_surface, volume_to_template, write_gifti,
    };

    /// What the licence says.
    #[pymodule_export]
    const NOTICE: &str = laion_fmri::license::NOTICE;

    /// The version of the workspace.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}

//! The names of the Python package `laion_fmri`, and what stands for them here.
//!
//! A search for a Python name in this documentation finds the same: each item carries it as an alias.
//! What is not listed has no counterpart: what Python returns as tables, images or tensors of other
//! packages.
//!
//! # Functions
//!
//! | Python | Rust | |
//! | --- | --- | --- |
//! | `dataset_initialize` | [`config::initialize`](crate::config::initialize) | |
//! | `set_data_dir` | [`config::initialize`](crate::config::initialize) | |
//! | `get_data_dir` | [`config::data_dir`](crate::config::data_dir) | the environment wins over the file |
//! | `resolve_subject_id` | [`SubjectId`](crate::SubjectId) | by `parse` |
//! | `load_subject` | [`Dataset::subject`](crate::Dataset::subject) | of [`config::open`](crate::config::open) for the configured folder |
//! | `load_subjects` | [`Dataset::group`](crate::Dataset::group) | |
//! | `load_subjects` | [`Dataset::group_all`](crate::Dataset::group_all) | for `"all"` |
//! | `load_stimuli` | [`Dataset::load_stimuli`](crate::Dataset::load_stimuli) | |
//! | `as_displayed_rgb` | [`NamedImages::decode`](crate::stimuli::NamedImages::decode) | from the file of images |
//! | `load_embeddings` | [`Stimuli::embeddings`](crate::Stimuli::embeddings) | one model |
//! | `load_embeddings` | [`Stimuli::embedding_set`](crate::Stimuli::embedding_set) | several models |
//! | `AVAILABLE_MODELS` | [`EmbeddingModel`](crate::EmbeddingModel) | all in [`EmbeddingModel::ALL`](crate::EmbeddingModel::ALL) |
//! | `get_subjects` | [`Discovery::subjects`](crate::Discovery::subjects) | |
//! | `get_rois` | [`Discovery::rois`](crate::Discovery::rois) | |
//! | `describe` | [`Discovery::describe`](crate::Discovery::describe) | `Display` is the text that Python prints |
//! | `inspect_bucket` | [`Discovery::inspect`](crate::Discovery::inspect) | |
//! | `download` | [`Dataset::download`](crate::Dataset::download) | keywords are steps of [`DownloadRequest`](crate::DownloadRequest) |
//! | `download` | [`Dataset::plan_download`](crate::Dataset::plan_download) | what it would do |
//! | `download_raw` | [`DownloadRequest::raw`](crate::DownloadRequest::raw) | |
//! | `download_stimuli` | [`Dataset::download_stimuli`](crate::Dataset::download_stimuli) | |
//! | `download_embeddings` | [`Dataset::download_embeddings`](crate::Dataset::download_embeddings) | |
//! | `download_segmentations` | [`Dataset::download_segmentations`](crate::Dataset::download_segmentations) | |
//! | `download_captions` | [`Dataset::download_captions`](crate::Dataset::download_captions) | |
//! | `request_stimulus_access` | [`AccessService::request`](crate::access::AccessService::request) | |
//! | `accept_license` | [`Dataset::accept_license`](crate::Dataset::accept_license) | asks nothing |
//! | `accept_licenses` | [`AccessService::request`](crate::access::AccessService::request) | the terms of the images are part of it |
//! | `localizer_statmap_path` | [`Subject::localizer_statmap_path`](crate::Subject::localizer_statmap_path) | |
//! | `localizer_effect_path` | [`Subject::localizer_effect_path`](crate::Subject::localizer_effect_path) | |
//! | `LOCALIZER_TASKS` | [`LocalizerTask`](crate::localizer::LocalizerTask) | |
//! | `VOLUME_RESOLUTIONS` | [`LocalizerResolution`](crate::localizer::LocalizerResolution) | |
//! | `load_nifti_mask` | [`read_set_voxels`](crate::nifti_stream::read_set_voxels) | its non-zero voxels |
//! | `load_nifti_mask` | [`Volume::nonzero_mask`](crate::nifti_stream::Volume::nonzero_mask) | flags for all voxels |
//! | `load_nifti_data` | [`read_voxels`](crate::nifti_stream::fs::read_voxels) | |
//! | `load_nifti_4d` | [`VolumeReader::read_rows`](crate::nifti_stream::VolumeReader::read_rows) | |
//! | `load_nifti_with_affine` | [`read_volume`](crate::nifti_stream::fs::read_volume) | |
//! | `load_tsv` | [`SessionTrials::from_reader`](crate::SessionTrials::from_reader) | trial tables |
//! | `load_tsv` | [`EventTable::from_reader`](crate::EventTable::from_reader) | tables of events |
//! | `load_gifti_mask` | [`surface::fs::read_gifti`](crate::surface::fs::read_gifti) | flags by [`DataArray::nonzero_mask`](crate::surface::DataArray::nonzero_mask) |
//! | `load_freesurfer_label` | [`surface::fs::read_label`](crate::surface::fs::read_label) | |
//! | `list_pools` | [`splits::list_pools`](crate::splits::list_pools) | |
//! | `list_splits` | [`splits::list_splits`](crate::splits::list_splits) | |
//! | `list_ood_types` | [`splits::list_ood_types`](crate::splits::list_ood_types) | |
//! | `load_split` | [`splits::load_split`](crate::splits::load_split) | |
//! | `load_all_splits` | [`splits::load_all_splits`](crate::splits::load_all_splits) | |
//! | `get_train_test_ids` | [`splits::train_test_ids`](crate::splits::train_test_ids) | |
//! | `get_split_masks` | [`splits::split_masks`](crate::splits::split_masks) | |
//! | `split_family` | [`Split::family`](crate::splits::Split::family) | |
//!
//! # A subject
//!
//! | Python | Rust | |
//! | --- | --- | --- |
//! | `subject_id` | [`Subject::id`](crate::Subject::id) | |
//! | `get_sessions` | [`Subject::sessions`](crate::Subject::sessions) | |
//! | `get_available_rois` | [`Subject::rois`](crate::Subject::rois) | |
//! | `get_available_categories` | [`Subject::roi_categories`](crate::Subject::roi_categories) | |
//! | `get_n_stimuli` | [`Subject::n_stimuli`](crate::Subject::n_stimuli) | |
//! | `get_brain_mask` | [`Subject::brain_mask`](crate::Subject::brain_mask) | |
//! | `get_n_voxels` | [`Subject::n_voxels`](crate::Subject::n_voxels) | at full resolution [`BrainMask::n_voxels`](crate::BrainMask::n_voxels) |
//! | `get_betas` | [`Subject::betas`](crate::Subject::betas) | keywords are steps of [`Betas`](crate::Betas) |
//! | `get_noise_ceiling` | [`Subject::noise_ceiling`](crate::Subject::noise_ceiling) | |
//! | `get_trial_info` | [`Subject::trials`](crate::Subject::trials) | |
//! | `get_roi_mask` | [`Subject::roi_mask`](crate::Subject::roi_mask) | |
//! | `get_roi_masks` | [`Subject::roi_masks`](crate::Subject::roi_masks) | |
//! | `get_roi_data` | [`Subject::roi_data`](crate::Subject::roi_data) | |
//! | `has_stimuli` | [`Subject::has_stimuli`](crate::Subject::has_stimuli) | |
//! | `has_freesurfer` | [`Subject::has_freesurfer`](crate::Subject::has_freesurfer) | |
//! | `get_freesurfer_dir` | [`Subject::freesurfer_dir`](crate::Subject::freesurfer_dir) | |
//! | `has_anatomical` | [`Subject::has_anatomical`](crate::Subject::has_anatomical) | |
//! | `get_anatomical_dir` | [`Subject::anatomical_dir`](crate::Subject::anatomical_dir) | |
//! | `get_t1w` | [`Subject::t1w`](crate::Subject::t1w) | |
//! | `get_t2w` | [`Subject::t2w`](crate::Subject::t2w) | |
//! | `get_anatomical_brain_mask` | [`Subject::anatomical_brain_mask`](crate::Subject::anatomical_brain_mask) | |
//! | `has_raw` | [`Subject::has_raw`](crate::Subject::has_raw) | |
//! | `get_events` | [`Subject::events`](crate::Subject::events) | |
//! | `get_raw_bold` | [`Subject::raw_bold`](crate::Subject::raw_bold) | whole volumes, no mask |
//! | `get_sbref` | [`Subject::sbref`](crate::Subject::sbref) | a whole volume, no mask |
//! | `metadata` | [`Subject::subject_trials`](crate::Subject::subject_trials) | |
//! | `get_stimulus_metadata` | [`Subject::stimulus_metadata`](crate::Subject::stimulus_metadata) | |
//! | `to_nifti` | [`Subject::to_nifti`](crate::Subject::to_nifti) | |
//! | `get_voxel_coordinates` | [`Subject::voxel_coordinates`](crate::Subject::voxel_coordinates) | |
//! | `to_template` | [`Subject::to_template`](crate::Subject::to_template) | |
//! | `volume_to_surface` | [`Subject::volume_to_surface`](crate::Subject::volume_to_surface) | |
//! | `volume_to_template` | [`Subject::volume_to_template`](crate::Subject::volume_to_template) | |
//! | `surface_to_template` | [`Subject::surface_to_template`](crate::Subject::surface_to_template) | |
//! | `to_torch_dataset` | [`Subject::trial_dataset`](crate::Subject::trial_dataset) | |
//! | `LaionFMRIDataset` | [`TrialDataset`](crate::TrialDataset) | |
//! | `rep_index` | [`TrialItem::session_repetition`](crate::stimulus::TrialItem::session_repetition) | |
//! | `images` | [`Subject::images`](crate::Subject::images) | |
//! | `images.get` | [`TrialImages::get`](crate::stimulus::TrialImages::get) | as displayed; [`TrialImages::original`](crate::stimulus::TrialImages::original) with the channels of the file |
//! | `images.all` | [`TrialImages::all`](crate::stimulus::TrialImages::all) | |
//! | `images.array` | [`TrialImages::array`](crate::stimulus::TrialImages::array) | |
//! | `embeddings` | [`Subject::embeddings`](crate::Subject::embeddings) | |
//! | `embeddings.models` | [`TrialEmbeddings::models`](crate::stimulus::TrialEmbeddings::models) | |
//! | `embeddings.get` | [`TrialEmbeddings::get`](crate::stimulus::TrialEmbeddings::get) | |
//! | `embeddings.all` | [`TrialEmbeddings::all`](crate::stimulus::TrialEmbeddings::all) | |
//! | `segmentations` | [`Subject::segmentations`](crate::Subject::segmentations) | |
//! | `segmentations.has_image` | [`TrialSegmentations::has_image`](crate::stimulus::TrialSegmentations::has_image) | |
//! | `segmentations.nouns` | [`TrialSegmentations::nouns`](crate::stimulus::TrialSegmentations::nouns) | `localized_only` is [`NounFilter`](crate::NounFilter) |
//! | `segmentations.for_image` | [`TrialSegmentations::for_image`](crate::stimulus::TrialSegmentations::for_image) | |
//! | `segmentations.get` | [`TrialSegmentations::get`](crate::stimulus::TrialSegmentations::get) | |
//! | `captions` | [`Subject::captions`](crate::Subject::captions) | |
//! | `captions.list` | [`TrialCaptions::list`](crate::stimulus::TrialCaptions::list) | |
//! | `captions.human` | [`TrialCaptions::human`](crate::stimulus::TrialCaptions::human) | |
//! | `captions.ai` | [`TrialCaptions::ai`](crate::stimulus::TrialCaptions::ai) | |
//! | `captions.for_image` | [`TrialCaptions::for_image`](crate::stimulus::TrialCaptions::for_image) | |
//!
//! # Other classes
//!
//! | Python | Rust | |
//! | --- | --- | --- |
//! | `Group` | [`Group`](crate::Group) | |
//! | `get_shared_betas` | [`Group::shared_betas`](crate::Group::shared_betas) | means of each image, rows aligned by name |
//! | `get_shared_images` | [`Group::shared_images`](crate::Group::shared_images) | |
//! | `get_shared_stimulus_metadata` | [`Group::shared_stimulus_metadata`](crate::Group::shared_stimulus_metadata) | |
//! | `Stimuli` | [`Stimuli`](crate::Stimuli) | each file is opened when it is needed |
//! | `Stimuli.metadata` | [`Stimuli::metadata`](crate::Stimuli::metadata) | |
//! | `Stimuli.images` | [`Stimuli::images`](crate::Stimuli::images) | |
//! | `Stimuli.images.get` | [`NamedImages::decode`](crate::stimuli::NamedImages::decode) | |
//! | `Stimuli.images.index_of` | [`NamedImages::row`](crate::stimuli::NamedImages::row) | |
//! | `Stimuli.images.names` | [`NamedImages::names`](crate::stimuli::NamedImages::names) | |
//! | `Stimuli.embeddings` | [`Stimuli::embeddings`](crate::Stimuli::embeddings) | |
//! | `Stimuli.segmentations` | [`Stimuli::segmentations`](crate::Stimuli::segmentations) | |
//! | `Stimuli.captions` | [`Stimuli::captions`](crate::Stimuli::captions) | |
//! | `Embeddings` | [`EmbeddingSet`](crate::stimuli::EmbeddingSet) | |
//! | `Embeddings.models` | [`EmbeddingSet::models`](crate::stimuli::EmbeddingSet::models) | |
//! | `Embeddings.image_ids` | [`Embeddings::image_ids`](crate::stimuli::Embeddings::image_ids) | |
//! | `Embeddings.get` | [`Embeddings::get`](crate::stimuli::Embeddings::get) | one image; [`Embeddings::get_many`](crate::stimuli::Embeddings::get_many) several |
//! | `Segmentations` | [`Segmentations`](crate::stimuli::Segmentations) | |
//! | `Segmentations.metadata` | [`Segmentations::table`](crate::stimuli::Segmentations::table) | |
//! | `Segmentations.get` | [`Segmentations::get`](crate::stimuli::Segmentations::get) | |
//! | `Segmentations.for_image` | [`Segmentations::for_image`](crate::stimuli::Segmentations::for_image) | |
//! | `Segmentations.nouns` | [`Segmentations::nouns`](crate::stimuli::Segmentations::nouns) | |
//! | `Segmentations.has_image` | [`Segmentations::has_image`](crate::stimuli::Segmentations::has_image) | |
//! | `Segmentations.images` | [`Segmentations::images`](crate::stimuli::Segmentations::images) | |
//! | `Captions` | [`Captions`](crate::stimuli::Captions) | |
//! | `Captions.images` | [`Captions::images`](crate::stimuli::Captions::images) | |
//! | `Captions.get` | [`Captions::get`](crate::stimuli::Captions::get) | |
//! | `Captions.human` | [`Captions::human`](crate::stimuli::Captions::human) | |
//! | `Captions.list` | [`Captions::list`](crate::stimuli::Captions::list) | |
//! | `Captions.ai` | [`Captions::ai`](crate::stimuli::Captions::ai) | |
//! | `Split` | [`Split`](crate::splits::Split) | |
//!
//! # Exceptions
//!
//! Exceptions are variants of [`Error`](crate::Error) and of
//! [`AccessError`](crate::access::AccessError); [`Error::kind`](crate::Error::kind) says what one means.
//!
//! | Python | Rust | |
//! | --- | --- | --- |
//! | `DataDirNotSetError` | [`Error::DataDirNotSet`](crate::Error::DataDirNotSet) | |
//! | `DataNotFoundError` | [`ErrorKind::NotThere`](crate::ErrorKind::NotThere) | the kind of the next two |
//! | `DataNotDownloadedError` | [`Error::DataNotDownloaded`](crate::Error::DataNotDownloaded) | |
//! | `NoMatchingDataError` | [`Error::NoMatchingData`](crate::Error::NoMatchingData) | |
//! | `SubjectNotFoundError` | [`Error::SubjectNotFound`](crate::Error::SubjectNotFound) | |
//! | `StimuliNotDownloadedError` | [`Error::StimuliNotDownloaded`](crate::Error::StimuliNotDownloaded) | |
//! | `LicenseNotAcceptedError` | [`Error::LicenseNotAccepted`](crate::Error::LicenseNotAccepted) | |
//! | `AccessServiceError` | [`AccessError`](crate::access::AccessError) | |
//! | `TermsOutdatedError` | [`AccessError::TermsOutdated`](crate::access::AccessError::TermsOutdated) | |
//! | `AccessRevokedError` | [`AccessError::Revoked`](crate::access::AccessError::Revoked) | |
//! | `AccessNotFoundError` | [`AccessError::UnknownRequestId`](crate::access::AccessError::UnknownRequestId) | |
// The page of the guide about Rust: its programs are doc tests of this crate.
#![cfg_attr(doctest, doc = include_str!("../../../docs/src/rust.md"))]

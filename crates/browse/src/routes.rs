//! Which address is answered by what.

mod about;
mod betas;
mod command;
mod figures;
mod images;
mod maps;
mod nearest;
mod reading;
mod rois;
mod splits;
mod subjects;
mod surfaces;
mod trials;
mod voxels;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::answer::{Answer, Refusal};
use crate::gate;
use crate::page;
use crate::parameters::Named;
use crate::state::Shared;

/// All routes, behind the gate.
pub(crate) fn all(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(async || page::index()))
        .route("/assets/{*path}", get(asset))
        .route("/api/about", get(about::about))
        .route("/api/subjects", get(subjects::list))
        .route("/api/subjects/{subject}", get(subjects::subject))
        .route("/api/subjects/{subject}/trials", get(trials::table))
        .route("/api/subjects/{subject}/splits/{name}", get(splits::sides))
        .route("/api/subjects/{subject}/anatomy/{file}", get(maps::anatomy))
        .route("/api/subjects/{subject}/maps/{file}", get(maps::map))
        .route("/api/subjects/{subject}/roi.nii", get(rois::mask))
        .route("/api/subjects/{subject}/rois", get(rois::sizes))
        .route("/api/subjects/{subject}/voxel", get(voxels::voxel))
        .route("/api/subjects/{subject}/voxel/responses", get(voxels::responses))
        .route("/api/subjects/{subject}/betas/{session}/{file}", get(betas::trial))
        .route("/api/subjects/{subject}/mean/{file}", get(betas::mean))
        .route("/api/subjects/{subject}/figure/{file}", get(figures::figure))
        .route("/api/subjects/{subject}/reading", get(reading::reading))
        .route("/api/subjects/{subject}/command", get(command::extract))
        .route("/api/subjects/{subject}/surfaces", get(surfaces::surfaces))
        .route("/api/subjects/{subject}/surfaces/{hemisphere}/{file}", get(surfaces::surface))
        .route("/api/images/{name}", get(images::image))
        .route("/api/images/{name}/pixels", get(images::pixels))
        .route("/api/images/{name}/masks/{file}", get(images::mask))
        .route("/api/images/{name}/nearest", get(nearest::nearest))
        .fallback(unknown)
        .layer(from_fn_with_state(Arc::clone(&state), gate::check))
        .with_state(state)
}

async fn asset(Named(path): Named<String>) -> Answer {
    page::asset(&path)
}

async fn unknown() -> Refusal {
    Refusal::NotFound("there is nothing at this address".to_owned())
}

//! The subject's own surfaces, and values on their vertices.

use laion_fmri::nifti_stream::read_volume;
use laion_fmri::surface::fs::read_mesh;
use laion_fmri::surface::read_gifti;
use laion_fmri::template::{SurfaceSpace, TemplateOptions};
use laion_fmri::{Hemisphere, MaskSource, Resolution, Voxels};
use serde_json::json;

use crate::client::Served;

#[test]
fn meshes_and_values_are_those_of_the_dataset() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let about = served.json("/api/subjects/sub-03/surfaces");
    assert_eq!((&about["available"], &about["command"]), (&json!(true), &json!(null)));
    for (side, hemisphere) in [("L", Hemisphere::Left), ("R", Hemisphere::Right)] {
        let bytes = served.bytes(&format!("/api/subjects/sub-03/surfaces/{side}/inflated.gii"));
        let got = read_gifti(bytes.as_slice()).unwrap().to_mesh().unwrap();
        let expected = read_mesh(subject.freesurfer_surface(hemisphere, "inflated").unwrap());
        let expected = expected.unwrap();
        assert_eq!(got.vertices(), expected.vertices());
        assert_eq!(got.triangles(), expected.triangles());

        let (space, options) = (SurfaceSpace::Fsnative, TemplateOptions::default());
        let way = subject.projection(&Voxels::all(), space, hemisphere, &options).unwrap();
        let fit = subject.mean_r2(&Voxels::all()).unwrap().to_vec();
        let betas = subject.betas().session("ses-01").trials([3]).load().unwrap().row(0).to_vec();
        let trials = subject.subject_trials().unwrap();
        let image = &trials.iter().nth(3).unwrap().image_name;
        let image = image.replace('+', "%2B").replace(' ', "%20");
        let mean = served.bytes(&format!("/api/subjects/sub-03/mean/{image}.nii?kind=zscore"));
        let mean = read_volume(mean.as_slice()).unwrap();
        let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
        let mean: Vec<f32> = brain.indices().iter().map(|index| mean.data()[*index]).collect();
        let of_image = format!("image={image}&kind=zscore");
        let face = subject.roi_mask("face - FFA1", MaskSource::Anatomical).unwrap();
        let inside: Vec<f32> = brain
            .indices()
            .iter()
            .map(|index| if face.indices().contains(index) { 1.0 } else { 0.0 })
            .collect();
        assert!(inside.contains(&1.0) && inside.contains(&0.0));
        for (asked, row) in [
            ("map=R2mean", fit),
            ("session=ses-01&trial=3", betas),
            (of_image.as_str(), mean),
            ("roi=face%20-%20FFA1", inside),
        ] {
            let target = format!("/api/subjects/sub-03/surfaces/{side}/map.gii?{asked}");
            let got = read_gifti(served.bytes(&target).as_slice()).unwrap().arrays()[0].to_f32();
            let expected = way.project_row(&row).unwrap();
            let bits = |values: &[f32]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&got), bits(&expected), "{target}");
        }
    }
}

#[test]
fn surfaces_that_are_not_there_are_said() {
    let served = Served::new();
    for target in ["L/sphere.reg.gii", "L/..%2fwhite.gii", "X/inflated.gii", "L/inflated"] {
        served.refused(&format!("/api/subjects/sub-03/surfaces/{target}"), 404);
    }
    served.refused("/api/subjects/sub-03/surfaces/L/map.gii", 400);
    served.refused("/api/subjects/sub-03/surfaces/L/map.gii?map=R2mean&image=a.jpg", 400);
    served.refused("/api/subjects/sub-03/surfaces/L/map.gii?map=R2mean&roi=FFA1", 400);
    served.refused("/api/subjects/sub-03/surfaces/L/map.gii?roi=zebra", 400);
    served.refused("/api/subjects/sub-03/surfaces/L/map.gii?image=zebra.jpg", 404);
    served.refused("/api/subjects/sub-03/surfaces/L/map.gii?map=zebra", 404);
    let path = served.dataset.subject("sub-03").unwrap();
    let path = path.freesurfer_surface(Hemisphere::Right, "inflated").unwrap();
    std::fs::write(&path, "no mesh").unwrap();
    let (error, _) = served.refused("/api/subjects/sub-03/surfaces/R/inflated.gii", 500);
    assert!(error.contains("rh.inflated"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let about = served.json("/api/subjects/sub-03/surfaces");
    assert_eq!((&about["available"], &about["command"]), (&json!(false), &json!("mend NotThere")));
    assert!(about["sentence"].as_str().unwrap().contains("rh.inflated"), "{about}");
}

//! Small pictures of the mean response to an image.

use laion_fmri::figure::ColorMap;
use laion_fmri::nifti_stream::read_volume;
use laion_fmri::stimuli::decode::decode;
use laion_fmri::{SessionId, SubjectTrials, layout};

use crate::client::Served;

fn trials(served: &Served) -> SubjectTrials {
    served.dataset.subject("sub-03").unwrap().subject_trials().unwrap()
}

/// The image that was shown most often, as it stands in an address.
fn image(served: &Served) -> String {
    let trials = trials(served);
    let often = trials.iter().max_by_key(|trial| trial.actual_repetitions).unwrap();
    often.image_name.replace(' ', "%20")
}

#[test]
fn a_picture_is_the_slice_through_the_strongest_mean() {
    let served = Served::new();
    let name = image(&served);
    let reply = served.get(&format!("/api/subjects/sub-03/figure/{name}.png"));
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/png"));
    let mean = served.bytes(&format!("/api/subjects/sub-03/mean/{name}.nii"));
    let mean = read_volume(mean.as_slice()).unwrap();
    let finite = mean.data().iter().enumerate().filter(|(_, value)| value.is_finite());
    let (strongest, value) = finite.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap();
    let [i, j, k] = mean.grid().voxel(strongest).unwrap();
    let mm = mean.grid().affine().apply([i as f64, j as f64, k as f64]);
    assert_eq!(reply.header("x-slice"), format!("z = {}", mm[2].round() + 0.0));
    let end: f32 = reply.header("x-range").parse().unwrap();
    assert!(end > 0.0 && end.is_finite(), "{end}");
    // A value at the end of the range or beyond has the last colour of its side.
    let colors = ColorMap::BlueRed.table();
    let last = if *value < 0.0 { colors[0] } else { colors[255] };
    let pixels = decode(&reply.body).unwrap();
    let (height, width, _) = pixels.dim();
    assert!(height <= 400 && width <= 320 && height * width > 1000, "{height} x {width}");
    let has = |color: [u8; 3]| {
        let mut places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        places.any(|(y, x)| (0..3).all(|channel| pixels[[y, x, channel]] == color[channel]))
    };
    assert_eq!(has(last), value.abs() >= end * (254.0 / 256.0), "{value} of {end}");

    // What was drawn is kept. There is no picture of z-scores, which may take a pass over files.
    for asked in ["", "?kind=zscore"] {
        let target = format!("/api/subjects/sub-03/figure/{name}.png{asked}");
        assert_eq!(served.bytes(&target), reply.body);
    }
}

#[test]
fn a_picture_of_what_does_not_exist_is_refused() {
    let served = Served::new();
    let name = image(&served);
    let (error, _) = served.refused("/api/subjects/sub-03/figure/zebra.jpg.png", 404);
    assert!(error.contains("zebra.jpg") && error.contains("sub-03"), "{error}");
    for subject in ["sub-99", "..", "03"] {
        served.refused(&format!("/api/subjects/{subject}/figure/{name}.png"), 404);
    }
    served.refused(&format!("/api/subjects/sub-03/figure/{name}"), 404);
}

#[test]
fn a_session_that_cannot_be_read_at_once_is_named_with_what_helps() {
    let served = Served::new();
    let name = image(&served);
    let target = format!("/api/subjects/sub-03/figure/{name}.png");
    let mut sessions: Vec<SessionId> = trials(&served)
        .iter()
        .filter(|trial| trial.image_name.replace(' ', "%20") == name)
        .map(|trial| trial.session.clone())
        .collect();
    sessions.dedup();
    let subject = "sub-03".parse().unwrap();
    let file = |session: &SessionId| served.bucket.path(&layout::betas(&subject, session));
    // Large files without an index.
    let whole: Vec<Vec<u8>> =
        sessions.iter().map(|session| std::fs::read(file(session)).unwrap()).collect();
    for session in &sessions {
        let betas = std::fs::OpenOptions::new().write(true).open(file(session)).unwrap();
        betas.set_len(9 << 20).unwrap();
    }
    let (error, hint) = served.refused(&target, 404);
    let names: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    assert!(error.contains("index") && error.contains(&names.join(", ")), "{error}");
    assert_eq!(hint, Some(format!("index sub-03 {}", names.join(" "))));
    for (session, bytes) in sessions.iter().zip(whole) {
        std::fs::write(file(session), bytes).unwrap();
    }
    assert_eq!(served.get(&target).status, 200);
    // Betas that are not on disk.
    std::fs::remove_file(file(&sessions[0])).unwrap();
    let (error, hint) = served.refused(&target, 404);
    assert!(error.contains(names[0]) && hint.as_deref() == Some("mend NotThere"), "{error}");
}

//! The lists: their sizes, their rules, and labels matched against them.

use std::collections::BTreeSet;

use laion_fmri_splits::{
    Bundle, OodType, Pool, SplitFamily, SplitName, SplitParams, SplitRevision, load_all_splits,
    load_split, split_masks, train_test_ids,
};

/// Sizes of the lists in the order of the pools, training and test.
const CLUSTERS: [[(usize, usize); 6]; 5] = [
    [(847, 274), (5218, 615), (4298, 1535), (4617, 1216), (5231, 602), (4310, 1523)],
    [(873, 248), (4540, 1293), (5223, 610), (4491, 1342), (4607, 1226), (4651, 1182)],
    [(875, 246), (4327, 1506), (4604, 1229), (5223, 610), (4583, 1250), (4577, 1256)],
    [(896, 225), (4595, 1238), (4645, 1188), (4634, 1199), (4307, 1526), (4583, 1250)],
    [(993, 128), (4652, 1181), (4562, 1271), (4367, 1466), (4604, 1229), (5211, 622)],
];

fn expected_sizes(name: SplitName, pool: Pool, revision: SplitRevision) -> (usize, usize) {
    let shared = pool == Pool::Shared;
    let fifth = if shared { (897, 224) } else { (4666, 1167) };
    match (name.family(), revision, name.fold()) {
        (SplitFamily::Random, SplitRevision::R2, Some(0)) if shared => (896, 225),
        (SplitFamily::Random, SplitRevision::R2, Some(3 | 4)) if !shared => (4667, 1166),
        (SplitFamily::Random | SplitFamily::Tau, ..) => fifth,
        (SplitFamily::ClusterK5, _, fold) => CLUSTERS[fold.unwrap()][pool as usize],
        (SplitFamily::Ood, ..) => (if shared { 1121 } else { 5833 }, 371),
    }
}

#[test]
fn sizes_are_those_that_were_published() {
    for &revision in SplitRevision::ALL {
        for &pool in Pool::ALL {
            let splits = load_all_splits(pool).unwrap();
            assert_eq!(splits.len(), 12);
            for (split, name) in splits.iter().zip(SplitName::ALL) {
                assert_eq!((split.name(), split.pool()), (*name, pool));
                assert_eq!(split.revision(), SplitRevision::R1);
                let split = split.with_revision(revision);
                let expected = expected_sizes(*name, pool, revision);
                assert_eq!((split.n_train(), split.n_test()), expected, "{split:?}");
                let ids = split.train_test_ids();
                assert_eq!((ids.train.len(), ids.test.len()), expected, "{split:?}");
            }
        }
    }
}

#[test]
fn only_the_random_family_differs_between_revisions() {
    for &pool in Pool::ALL {
        for split in load_all_splits(pool).unwrap() {
            let same =
                split.train_test_ids() == split.with_revision(SplitRevision::R2).train_test_ids();
            assert_eq!(same, split.family() != SplitFamily::Random, "{split:?}");
        }
    }
}

#[test]
fn types_filter_the_test_list_of_ood_only() {
    let counts = [60, 10, 24, 21, 8, 72, 30, 82, 64];
    let whole = load_split("ood", "sub-05").unwrap();
    for (kind, count) in OodType::ALL.iter().zip(counts) {
        let split = whole.with_ood_types([*kind]).unwrap();
        let ids = split.train_test_ids();
        assert_eq!(ids.test.len(), count, "{kind}");
        assert!(ids.test.iter().all(|name| OodType::of_image_name(name) == Some(*kind)));
        assert_eq!(ids.train, whole.train_test_ids().train);
        assert_eq!((split.n_train(), split.n_test()), (5833, 371), "sizes are of the whole split");
        assert_eq!(split.masks(&whole.train_test_ids().test).n_test(), count);
    }
    let two = whole.with_ood_types(["gabor", "shape", "gabor"]).unwrap();
    assert_eq!(two.train_test_ids().test.len(), 92);
}

#[test]
fn masks_are_the_lists_row_by_row() {
    let bundle = Bundle::embedded();
    let names: Vec<&str> = bundle.names().collect();
    for (name, pool) in [("random_0", "shared"), ("cluster_k5_3", "sub-06"), ("ood", "sub-01")] {
        let ids = train_test_ids(name, pool).unwrap();
        let (train, test): (BTreeSet<_>, BTreeSet<_>) =
            (ids.train.into_iter().collect(), ids.test.into_iter().collect());
        let masks = split_masks(&names, name, pool).unwrap();
        for (row, label) in names.iter().enumerate() {
            assert_eq!(masks.train[row], train.contains(label), "{name} {pool} {label}");
            assert_eq!(masks.test[row], test.contains(label), "{name} {pool} {label}");
        }
        assert_eq!((masks.n_train(), masks.n_test()), (train.len(), test.len()));
        assert_eq!(masks.n_neither, names.len() - train.len() - test.len());
        assert_eq!(masks.n_unknown, 0);
    }
}

#[test]
fn labels_match_exactly_as_they_are_written() {
    let odd = "shared_4rep_OOD_unusual_https_www.anothermag.com_design-living_2732_weird-and-wonderful-fruit-and-vegetables .jpg";
    let spaced = "shared_4rep_OOD_unusual_Screenshot 2024-05-06 at 14.45.09.jpg";
    let labels = [
        odd.to_owned(),
        odd.replace(" .jpg", ".jpg"),
        format!("{odd} "),
        spaced.to_owned(),
        spaced.replace(' ', "  "),
        spaced.to_uppercase(),
        String::new(),
    ];
    let masks = split_masks(&labels, "ood", "shared").unwrap();
    assert_eq!(masks.test, [true, false, false, true, false, false, false]);
    assert_eq!((masks.n_neither, masks.n_unknown), (5, 5));
    assert!(split_masks([""; 0], "ood", "shared").unwrap().is_empty());
}

#[test]
fn repeats_are_on_one_side_and_others_on_none() {
    let ids = train_test_ids("tau", "shared").unwrap();
    let unique = "unique_THINGS_whisk_p01.jpg";
    let labels = [ids.test[5], ids.train[9], ids.test[5], unique, ids.train[9]];
    let masks = split_masks(labels, "tau", Pool::Shared).unwrap();
    assert_eq!(masks.train, [false, true, false, false, true]);
    assert_eq!(masks.test, [true, false, true, false, false]);
    assert_eq!((masks.n_neither, masks.n_unknown), (1, 0));
}

#[test]
fn parameters_are_those_that_were_published() {
    let params = |name: &str, pool: &str, revision| {
        load_split(name, pool).unwrap().with_revision(revision).params()
    };
    let (r1, r2) = (SplitRevision::R1, SplitRevision::R2);
    assert_eq!(params("random_3", "sub-01", r1), SplitParams::UniformRandom { seed: 3 });
    let folds = |fold, duplicates_joined| SplitParams::ShuffledFolds {
        k: 5,
        seed: 42,
        fold,
        duplicates_joined,
    };
    assert_eq!(params("random_3", "sub-01", r2), folds(3, true));
    assert_eq!(params("random_0", "shared", r2), folds(0, false));
    let clusters = |n_init, held_out_cluster| SplitParams::ClusterHoldout {
        n_clusters: 5,
        seed: 2026,
        n_init,
        held_out_cluster,
    };
    assert_eq!(params("cluster_k5_4", "sub-05", r2), clusters(5, 4));
    assert_eq!(params("cluster_k5_4", "shared", r1), clusters(10, 4));
    assert_eq!(params("ood", "shared", r1), SplitParams::OodHoldout { ood_types: OodType::ALL });
    let fits = [
        (0.469_642_847_776_412_96, 74.0, 0.005_388_496_598_849_694, 0.974_459_820_901_268_1),
        (0.442_517_131_567_001_34, 68.0, 0.001_118_042_001_811_166_5, 1.052_898_988_410_884),
        (0.430_631_041_526_794_43, 67.0, 0.001_137_519_371_695_816_5, 1.058_675_312_168_708_2),
        (0.431_433_498_859_405_5, 66.0, 0.001_096_601_947_210_729_1, 1.021_068_098_627_674_3),
        (0.436_460_942_029_953, 67.0, 0.001_041_014_581_763_496, 0.960_474_704_161_416_8),
        (0.425_603_598_356_246_95, 66.0, 0.001_031_455_118_209_123_6, 0.963_580_036_542_144_4),
    ];
    for (pool, (tau, percentile, mmd2_mean, ratio_to_random)) in Pool::ALL.iter().zip(fits) {
        let expected = laion_fmri_splits::TauFit { tau, percentile, mmd2_mean, ratio_to_random };
        assert_eq!(params("tau", pool.as_str(), r1), SplitParams::MinNearestNeighbour(expected));
    }
}

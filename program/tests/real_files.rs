//! Files that the project does not bring: MNIST, a program's list of the digits drawn from it, and the zip codes of the postal
//! service. Where one is not at hand its tests are reported as ignored, never as passed.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use gpu_train::data::resize::{CODES_PER_LEVEL, SOURCE_PIXELS, SOURCE_SIDE, resize};
use gpu_train::data::{embedded, idx, mnist1989, prepare, zip_code};
use gpu_train::net::PIXELS;
use gpu_train::predict::normalise::mnist_form;
use gpu_train_program::decode::decode;
use image::{GrayImage, ImageFormat};
use libtest_mimic::Trial;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn the_committed_files_are_byte_for_byte_what_the_command_makes_of_it(mnist: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made");
    let written = prepare::run(mnist, &out, mnist1989::SEED).unwrap();
    assert_eq!(written.len(), prepare::FILES.len());
    for (name, file) in prepare::FILES.iter().zip(written) {
        let bytes = fs::read(&file.path).unwrap();
        assert_eq!(file.path, out.join(name));
        assert_eq!(file.bytes, bytes.len());
        assert_eq!(file.sha256, prepare::sha256(&bytes));
        assert!(
            bytes == fs::read(root().join("data").join(name)).unwrap(),
            "{name} differs"
        );
    }
    let names = fs::read_dir(&out).unwrap().count();
    assert_eq!(names, prepare::FILES.len(), "nothing is left beside them");
}

fn the_embedded_digits_are_a_sample_of_it(mnist: &Path) {
    let (embedded, fresh) = (
        embedded::digits(),
        mnist1989::prepare(mnist, mnist1989::SEED).unwrap(),
    );
    assert!(embedded.train == fresh.train, "training set");
    assert!(embedded.test == fresh.test, "test set");
    // Each against the file it came from, by the list of indices.
    let all = mnist1989::mnist(mnist, mnist1989::MNIST_TRAIN).unwrap();
    let sample = mnist1989::sample(mnist1989::SEED);
    assert!(all.train.subset(&sample.train) == fresh.train);
    assert!(all.test == fresh.test);
}

/// 2,000 test images are recovered from a PNG in MNIST's form.
fn its_images_keep_their_form_in_a_picture(mnist: &Path) {
    let shape = [10_000, SOURCE_SIDE, SOURCE_SIDE];
    let images = idx::read::<u8>(&mnist.join("t10k-images-idx3-ubyte.gz"), &shape).expect("MNIST");
    let (mut largest, mut sum) = (0.0f64, 0.0);
    let count = 2_000;
    for image in images.chunks_exact(SOURCE_PIXELS).take(count) {
        let side = SOURCE_SIDE as u32;
        let grey = GrayImage::from_raw(side, side, image.to_vec()).expect("square");
        let mut png = Cursor::new(Vec::new());
        grey.write_to(&mut png, ImageFormat::Png).expect("encoded");
        let grey = decode(png.get_ref(), Path::new("MNIST")).expect("a picture");
        let (found, expected) = (mnist_form(&grey).expect("a digit"), image);
        let pairs = resize(&found).into_iter().zip(resize(expected));
        let codes: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(b))).sum();
        let distance = f64::from(codes) / PIXELS as f64 / f64::from(CODES_PER_LEVEL);
        largest = largest.max(distance);
        sum += distance;
    }
    // Levels of 255.
    let mean = sum / count as f64;
    assert!(largest < 2.0 && mean < 0.2, "{largest}, mean {mean}");
}

fn the_listed_indices_are_those_drawn(folder: &Path) {
    let sample = mnist1989::sample(mnist1989::SEED);
    for (name, drawn) in [("train", &sample.train), ("test", &sample.test)] {
        let text = fs::read_to_string(folder.join(format!("{name}_indices.txt"))).unwrap();
        let listed: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(listed == *drawn, "{name}");
    }
}

fn the_published_class_counts(folder: &Path) {
    let digits = zip_code::zip_code(folder).unwrap();
    // From zip.info, published with the files.
    let published = [
        [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644],
        [359, 264, 198, 166, 200, 160, 170, 147, 166, 177],
    ];
    for (set, counts) in [&digits.train, &digits.test].into_iter().zip(published) {
        for (digit, count) in (0..).zip(counts) {
            let found = set.labels().iter().filter(|&&label| label == digit).count();
            assert_eq!(found, count, "{digit}");
        }
    }
    // The first digit, a six, as the file writes it.
    let first: Vec<u16> = digits.train.image_codes(0)[6..12].to_vec();
    assert_eq!(first, [0, 3_690, 18_620, 8_330, 0, 0]);
}

/// A test's name, the variable and the usual name of its folder, and the test.
type Entry = (&'static str, &'static str, &'static str, fn(&Path));

const TESTS: [Entry; 5] = [
    (
        "mnist::the_committed_files_are_byte_for_byte_what_the_command_makes_of_it",
        "GPU_TRAIN_MNIST",
        "mnist",
        the_committed_files_are_byte_for_byte_what_the_command_makes_of_it,
    ),
    (
        "mnist::the_embedded_digits_are_a_sample_of_it",
        "GPU_TRAIN_MNIST",
        "mnist",
        the_embedded_digits_are_a_sample_of_it,
    ),
    (
        "mnist::its_images_keep_their_form_in_a_picture",
        "GPU_TRAIN_MNIST",
        "mnist",
        its_images_keep_their_form_in_a_picture,
    ),
    (
        "mnist1989::the_listed_indices_are_those_drawn",
        "GPU_TRAIN_MNIST1989",
        "mnist1989",
        the_listed_indices_are_those_drawn,
    ),
    (
        "zip_codes::the_published_class_counts",
        "GPU_TRAIN_ZIP_CODE",
        "usps",
        the_published_class_counts,
    ),
];

/// Tests of files in the folder that the variable names, or in one next to the checkout.
pub fn trials() -> Vec<Trial> {
    let trial = |(name, variable, usual, test): Entry| {
        let named = std::env::var_os(variable).map(PathBuf::from);
        // Whoever names a folder wants the test to run.
        let required = named.is_some();
        let folder = named.unwrap_or_else(|| root().join("../shared/data").join(usual));
        let ignored = !required && !folder.is_dir();
        if ignored {
            println!(
                "no folder {}: {name} is ignored ({variable} can name another)",
                folder.display()
            );
        }
        let run = move || {
            test(&folder);
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    TESTS.into_iter().map(trial).collect()
}

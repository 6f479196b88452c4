//! MNIST's images as pictures, where they are at hand.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use gpu_train::data::idx;
use gpu_train::data::resize::{CODES_PER_LEVEL, SOURCE_PIXELS, SOURCE_SIDE, resize};
use gpu_train::net::PIXELS;
use gpu_train::predict::normalise::mnist_form;
use gpu_train_program::decode::decode;
use image::{GrayImage, ImageFormat};
use libtest_mimic::Trial;

use crate::trial;

fn images() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mnist");
    let folder = std::env::var_os("GPU_TRAIN_MNIST").map_or(usual, PathBuf::from);
    folder.join("t10k-images-idx3-ubyte.gz")
}

/// 2,000 test images are recovered from a PNG in MNIST's form.
fn images_keep_mnists_form() {
    let images = idx::read::<u8>(&images(), &[10_000, SOURCE_SIDE, SOURCE_SIDE]).expect("MNIST");
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

pub fn trials() -> Vec<Trial> {
    let ignored = std::env::var_os("GPU_TRAIN_MNIST").is_none() && !images().exists();
    if ignored {
        println!("no {}: its test is ignored", images().display());
    }
    let name = "mnist::images_keep_mnists_form";
    vec![trial(name, images_keep_mnists_form).with_ignored_flag(ignored)]
}

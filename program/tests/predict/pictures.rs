//! Conversion of pictures to codes: changes that must have no effect, and changes that may have a small one.

use std::path::Path;

use gpu_train::data::embedded;
use gpu_train::net::{PIXELS, SIDE};
use gpu_train::predict::Classifier;
use gpu_train::predict::Grey;
use gpu_train::predict::normalise::normalise;
use gpu_train::weights;
use gpu_train_program::decode::decode;
use image::{DynamicImage, GrayImage, ImageFormat, Rgba, RgbaImage};

use super::{drawn, encode, enlarge, mean_distance, save, weights_path};

/// Enlarged embedded test digits are recovered, and most are recognised.
#[test]
fn enlarged_test_digits_are_recognised_nearly_as_often_as_the_digits_themselves() {
    let net = weights::load(Path::new(weights_path())).expect("weights");
    let functions = net.functions.expect("the program said them");
    let classifier = Classifier {
        parameters: net.parameters,
        functions,
    };
    let test = embedded::digits().test;
    let (mut direct, mut enlarged, mut distance) = (0, 0, 0.0);
    let count = 500;
    for example in 0..count {
        let codes: &[u16; PIXELS] = test.image_codes(example).try_into().expect("a digit");
        let label = test.labels()[example];
        direct += usize::from(classifier.classify(codes).class != label);
        let (png, side) = (enlarge(codes), SIDE * 4);
        let grey = decode(&encode(&png, side, ImageFormat::Png), Path::new("a digit")).unwrap();
        let again = normalise(&grey).unwrap();
        enlarged += usize::from(classifier.classify(&again).class != label);
        distance += mean_distance(codes, &again) / count as f64;
    }
    assert!(direct <= count / 20, "{direct} misses without pictures");
    assert!(
        enlarged <= direct + count / 50,
        "{enlarged} misses against {direct}"
    );
    // Of 255 levels; a shift by a pixel costs 30.
    assert!(distance < 12.0, "{distance}");
}

/// Digit on paper: `paper` and `ink` are levels, `at` is the position of its corner.
fn seven(size: (usize, usize), at: (usize, usize), paper: u16, ink: u16) -> Grey {
    let mut levels = vec![paper; size.0 * size.1];
    for (row, line) in SEVEN.iter().enumerate() {
        for (column, mark) in line.bytes().enumerate() {
            if mark == b'#' {
                levels[(at.1 + row) * size.0 + at.0 + column] = ink;
            }
        }
    }
    Grey::new(size.0, size.1, levels)
}

const SEVEN: [&str; 14] = [
    "##########",
    "##########",
    "##########",
    "       ###",
    "      ####",
    "      ### ",
    "     #### ",
    "     ###  ",
    "    ####  ",
    "    ###   ",
    "   ####   ",
    "   ###    ",
    "  ####    ",
    "  ###     ",
];

#[test]
fn neither_place_nor_colours_nor_the_size_of_the_paper_change_the_codes() {
    let of = |grey: &Grey| normalise(grey).expect("a digit");
    let codes = of(&seven((40, 40), (10, 12), 60_000, 2_000));
    assert!(codes.iter().any(|&code| code > 16_000), "full ink");
    for (size, at, paper, ink) in [
        ((40, 40), (2, 20), 60_000, 2_000),
        ((200, 31), (150, 3), 60_000, 2_000),
        ((40, 40), (10, 12), 5_535, 63_535),
        ((40, 40), (10, 12), 30_000, 26_000),
        ((40, 40), (10, 12), 0, u16::MAX),
    ] {
        assert_eq!(of(&seven(size, at, paper, ink)), codes, "{size:?} {at:?}");
    }
}

#[test]
fn size_hardly_changes_the_codes() {
    let small = seven((40, 40), (10, 12), 60_000, 2_000);
    let codes = normalise(&small).unwrap();
    for factor in [2, 3, 10, 60] {
        let side = 40 * factor;
        let level = |at: usize| small.at(at / side / factor, at % side / factor);
        let large = Grey::new(side, side, (0..side * side).map(level).collect());
        let distance = mean_distance(&normalise(&large).unwrap(), &codes);
        assert!(distance < 8.0, "{factor} times as large: {distance}");
    }
    let shifted = seven((40, 40), (10, 12), 60_000, 2_000);
    assert_eq!(normalise(&shifted).unwrap(), codes);
}

/// The paper of a photograph is neither even nor clean.
#[test]
fn uneven_light_grain_and_dust_hardly_change_the_codes() {
    let clean = seven((60, 60), (20, 22), 50_000, 8_000);
    let mut rough = clean.clone();
    for (at, level) in rough.levels.iter_mut().enumerate() {
        let (row, column) = (at / 60, at % 60);
        // 9,000 levels from the lightest corner to the darkest; grain of 1,200.
        *level = *level - (row + column) as u16 * 75 + (at * 7_919 % 1_200) as u16;
    }
    rough.levels[5 * 60 + 52] = 8_000;
    let distance = mean_distance(&normalise(&rough).unwrap(), &normalise(&clean).unwrap());
    assert!(distance < 8.0, "{distance}");
}

#[test]
fn every_kind_of_file_gives_nearly_the_same_codes() {
    let codes: [u16; PIXELS] = embedded::digits().test.image_codes(3).try_into().unwrap();
    let grey = GrayImage::from_raw(64, 64, enlarge(&codes)).expect("square");
    let of = |bytes: &[u8]| normalise(&decode(bytes, Path::new("picture")).unwrap()).unwrap();
    let eight = DynamicImage::from(grey);
    let base = of(&save(&eight, ImageFormat::Png));
    let ink_only = RgbaImage::from_fn(64, 64, |x, y| {
        let level = eight.as_luma8().unwrap().get_pixel(x, y).0[0];
        Rgba([0, 0, 0, level])
    });
    let chalk_only = RgbaImage::from_fn(64, 64, |x, y| {
        let level = eight.as_luma8().unwrap().get_pixel(x, y).0[0];
        Rgba([255, 255, 255, level])
    });
    let same: Vec<(&str, Vec<u8>)> = vec![
        ("PGM", save(&eight, ImageFormat::Pnm)),
        ("BMP", save(&eight, ImageFormat::Bmp)),
        ("RGB", save(&eight.to_rgb8().into(), ImageFormat::Png)),
        ("PPM", save(&eight.to_rgb8().into(), ImageFormat::Pnm)),
        ("RGBA", save(&eight.to_rgba8().into(), ImageFormat::Png)),
        ("16 bits", save(&eight.to_luma16().into(), ImageFormat::Png)),
        (
            "RGB of 16 bits",
            save(&eight.to_rgb16().into(), ImageFormat::Png),
        ),
        (
            "grey and alpha",
            save(&eight.to_luma_alpha8().into(), ImageFormat::Png),
        ),
        (
            "dark on transparent",
            save(&ink_only.into(), ImageFormat::Png),
        ),
        (
            "light on transparent",
            save(&chalk_only.into(), ImageFormat::Png),
        ),
    ];
    for (what, bytes) in same {
        let distance = mean_distance(&of(&bytes), &base);
        assert!(distance < 0.5, "{what}: {distance}");
    }
    let distance = mean_distance(&of(&save(&eight, ImageFormat::Jpeg)), &base);
    assert!(distance < 6.0, "JPEG: {distance}");
}

/// A camera that was held on its side records that in the file.
#[test]
fn a_picture_is_rotated_by_its_orientation_tag() {
    let upright = image::open(drawn("three.png")).expect("a picture");
    let of = |bytes: &[u8]| normalise(&decode(bytes, Path::new("photo")).unwrap()).unwrap();
    let lying = save(&upright.rotate270().to_rgb8().into(), ImageFormat::Jpeg);
    // TIFF, big-endian, one entry: orientation (0x112), a short, once, 6: rotate right by 90°.
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let tagged = [&lying[..2], &[0xff, 0xe1], &length, exif, &lying[2..]].concat();
    let codes = of(&save(&upright, ImageFormat::Png));
    let distances = [&tagged, &lying].map(|file| mean_distance(&of(file), &codes));
    // The loss of JPEG may move the digit by one of MNIST's pixels, a difference of 12 here.
    assert!(distances[0] < 16.0 && distances[1] > 30.0, "{distances:?}");
}

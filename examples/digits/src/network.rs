//! The forward pass: three layers of weights, a byte each, with one scale per unit.

/// Layer after layer: inputs and units as u32, a scale and a bias per unit as f32, then the weights of each unit as
/// i8; all little-endian. train.py writes it.
const WEIGHTS: &[u8] = include_bytes!("../weights.bin");

pub fn probabilities(pixels: &[f32; 64]) -> [f32; 10] {
    let mut weights = WEIGHTS;
    let mut values = pixels.to_vec();
    while !weights.is_empty() {
        values = layer(&mut weights, &values);
        if !weights.is_empty() {
            values.iter_mut().for_each(|value| *value = value.max(0.0));
        }
    }
    softmax(&values)
}

fn layer(weights: &mut &[u8], values: &[f32]) -> Vec<f32> {
    let inputs = u32::from_le_bytes(take(weights)) as usize;
    let units = u32::from_le_bytes(take(weights)) as usize;
    assert_eq!(inputs, values.len(), "weights.bin fits the layers");
    let scales: Vec<f32> = (0..units).map(|_| f32::from_le_bytes(take(weights))).collect();
    let biases: Vec<f32> = (0..units).map(|_| f32::from_le_bytes(take(weights))).collect();
    let (rows, rest) = weights.split_at(inputs * units);
    *weights = rest;
    let sums = rows.chunks(inputs).map(|row| {
        row.iter().zip(values).map(|(&weight, value)| f32::from(weight as i8) * value).sum::<f32>()
    });
    sums.zip(scales).zip(biases).map(|((sum, scale), bias)| sum * scale + bias).collect()
}

fn take(weights: &mut &[u8]) -> [u8; 4] {
    let (head, rest) = weights.split_first_chunk().expect("weights.bin is whole");
    *weights = rest;
    *head
}

fn softmax(values: &[f32]) -> [f32; 10] {
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    let mut powers = [0.0; 10];
    for (power, value) in powers.iter_mut().zip(values) {
        *power = (value - most).exp();
    }
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digits train.py did not train on: a label and 64 pixels each.
    const HELD_OUT: &[u8] = include_bytes!("../held-out.bin");

    #[test]
    fn keeps_its_accuracy_on_held_out_digits() {
        let samples = HELD_OUT.chunks_exact(65);
        let right = samples.clone().filter(|sample| {
            let pixels = std::array::from_fn(|index| f32::from(sample[index + 1]) / 16.0);
            let probabilities = probabilities(&pixels);
            probabilities.iter().all(|&other| other <= probabilities[usize::from(sample[0])])
        });
        let (right, all) = (right.count(), samples.len());
        assert!(right * 100 >= all * 97, "{right} of {all}");
    }
}

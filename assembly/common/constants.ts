// Addresses of the constants that src/wasm/constants.ts writes below the heap (twin files: change both). Every entry is 16 bytes, one
// vector, loaded once at function entry.
export const BYTES_0F: usize = 16; // 0x0f in every byte
export const BYTES_03: usize = 32; // 0x03 in every byte
export const BYTES_07: usize = 48; // 0x07 in every byte
export const BYTES_04: usize = 64; // 0x04 in every byte
export const WORDS_00FF: usize = 80; // 0x00ff in every 16-bit lane
export const WORDS_ONE: usize = 96; // 1 in every 16-bit lane
export const HIGH_HALF: usize = 112; // 0xffff0000 in every 32-bit lane
export const LOW_HALF: usize = 128; // 0x0000ffff in every 32-bit lane
export const F16_SIGN: usize = 144; // 0x80000000 in every 32-bit lane
export const F16_REST: usize = 160; // 0x0fffe000: the 15 lower bits of an f16 after << 13
export const F32_2P112: usize = 176; // 2^112 in every f32 lane
export const F32_2M112: usize = 304; // 2^-112 in every f32 lane
export const BYTES_10: usize = 320; // 0x10 in every byte
export const BYTES_30: usize = 336; // 0x30 in every byte
export const BYTES_01: usize = 352; // 0x01 in every byte
export const F16_BITS: usize = 1008; // 0x8fffe000 in every 32-bit lane: sign and the lower bits of a sign-extended f16 after << 13

// f64, the same in both lanes: for the fifth root of the clip search (grid.ts).
export const F64_ONE: usize = 192;
export const F64_0_2: usize = 208;
export const F64_0_12: usize = 224;
export const F64_0_088: usize = 240;
export const F64_ROOT_SEED: usize = 256; // high word of y = a^(-1/5) is this minus a fifth of a's high word
export const F64_TINY: usize = 272; // 1e-280
export const F64_INFINITY: usize = 288;

// f32, the same in all lanes: for the clip search (search.ts).
export const F32_POWER_SEED: usize = 368; // bits of y = a^(-1/5) are this minus a fifth of a's bits
export const F32_POWER_FIFTH: usize = 384; // 2^16 / 5 in the lower half of every 32-bit lane
export const WORDS_KNEE: usize = 400; // 770 in every 16-bit lane: for |d| <= 1/2 in units of 2^-12, |d|^2.4 is close to
export const F32_BLUNT: usize = 416; // this times d^2 + max(|d| - KNEE, 0)^2 (screen.ts)
export const F32_SURE: usize = 432; // less than 1/2: a code that is as near in f32 is the nearest
export const F32_POWER_C0: usize = 448; // e^(-0.8) = C0 + C1 e + C2 e^2 + C3 e^3 for 0.852 <= e <= 1.172
export const F32_POWER_C1: usize = 464;
export const F32_POWER_C2: usize = 480;
export const F32_POWER_C3: usize = 496;

// For exp of f32 (assembly/common/exp.ts); every entry is one value in all four lanes.
export const EXP_LOG2E: usize = 512; // 1 / ln 2
export const EXP_MAGIC: usize = 528; // 1.5 * 2^23: adding it rounds to an integer in the low bits
export const EXP_LN2_HIGH: usize = 544; // 355 / 512, so that n * LN2_HIGH is exact
export const EXP_LN2_LOW: usize = 560; // ln 2 - 355 / 512
export const EXP_C2: usize = 576; // e^r = 1 + r + r^2 (C2 + C3 r + .. + C6 r^4)
export const EXP_C3: usize = 592;
export const EXP_C4: usize = 608;
export const EXP_C5: usize = 624;
export const EXP_C6: usize = 640;
export const EXP_ONE: usize = 656; // 1
export const EXP_TOP: usize = 672; // 88.37: larger arguments are replaced by this
export const EXP_BOTTOM: usize = 688; // -87.3: e^x is 0 below

// For exp of f64; one value in both lanes.
export const EXPD_LOG2E: usize = 704;
export const EXPD_MAGIC: usize = 720; // 1.5 * 2^52
export const EXPD_LN2_HIGH: usize = 736; // upper 42 bits of ln 2
export const EXPD_LN2_LOW: usize = 752;
export const EXPD_ONE: usize = 768;
export const EXPD_TOP: usize = 784; // 709
export const EXPD_BOTTOM: usize = 800; // -708
export const EXPD_C2: usize = 816; // 1 / 2!, then 1 / k! every 16 bytes up to k = 13

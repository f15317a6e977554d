mod audit;
mod disk;
mod laid_out;
mod quotas;
mod usage;

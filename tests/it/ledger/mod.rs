mod audit;
mod disk;
mod laid_out;
mod quotas;
mod removed;
mod usage;

mod audit;
mod disk;
mod quotas;
mod usage;

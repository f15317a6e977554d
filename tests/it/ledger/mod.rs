mod audit;
mod quotas;
mod usage;

# frozen_string_literal: true

# An authorization server written by others (Doorkeeper on Rails, below Puma, with its OpenID Connect for metadata), and a
# protected resource behind its own `doorkeeper_authorize!`, for grantlint to be run against. What is configured here is
# what every deployment must choose; nothing is bent.
#
#   ruby server.rb [PORT]     PORT or $PORT; 0 (default) takes a free port
#
# Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.
#
# Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET (required),
# CODE_FLOW=1 (GRANTLINT_USER_PASSWORD lets `alice` log in, and the first two clients and grantlint-public, which has no secret,
# may have codes and refresh tokens), INTEROP_LOG=1 (Rails' log on stderr).

ENV['RAILS_ENV'] = 'production'

require 'logger'
require 'openssl'

require 'rails'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'action_view/railtie'
require 'puma'
require 'puma/server'
require 'puma/events'
require 'sqlite3'
require 'doorkeeper'
require 'doorkeeper/openid_connect'

CLIENT_SCOPES = %w[invoices.read invoices.write].freeze
TOKEN_SECONDS = 3600
THREADS = 4
CLIENTS = {
  'grantlint' => 'GRANTLINT_CLIENT_SECRET',
  'grantlint-second' => 'GRANTLINT_SECOND_SECRET',
  'special' => 'GRANTLINT_SPECIAL_SECRET'
}.freeze

# Where the clients that may have codes want them.
REDIRECT_URIS = {
  'grantlint' => 'https://client.example/cb',
  'grantlint-second' => 'https://second.example/cb',
  'grantlint-public' => 'https://public.example/cb'
}.freeze
CODE_FLOW = ENV.key?('CODE_FLOW')

def fail!(message)
  warn message
  exit 2
end

port = Integer(ARGV[0] || ENV['PORT'] || '0', exception: false)
fail! 'the port must be a number from 0 to 65535' unless port&.between?(0, 65_535)
needed = CLIENTS.values + (CODE_FLOW ? ['GRANTLINT_USER_PASSWORD'] : [])
needed.each { |variable| fail! "#{variable} is not set" if ENV[variable].to_s.empty? }

# A database in memory is its connection's own, so the threads take turns with the one that there is, and it never goes.
ENV['DATABASE_URL'] = 'sqlite3::memory:?pool=1&idle_timeout=0&checkout_timeout=20'

class Invoices < Rails::Application
  config.root = __dir__
  config.load_defaults 6.1
  config.eager_load = false
  config.secret_key_base = 'signs the session of one test user'
  config.logger = Logger.new($stderr)
  config.log_level = ENV['INTEROP_LOG'] ? :debug : :fatal
end
Invoices.initialize!

# As Doorkeeper's own migration makes them, with what its comments say for grants without a redirection URI.
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :oauth_applications do |t|
    t.string :name, null: false
    t.string :uid, null: false, index: { unique: true }
    t.string :secret, null: false
    t.text :redirect_uri
    t.string :scopes, null: false, default: ''
    t.boolean :confidential, null: false, default: true
    t.timestamps null: false
  end
  create_table :oauth_access_grants do |t|
    t.references :resource_owner, null: false
    t.references :application, null: false, foreign_key: { to_table: :oauth_applications }
    t.string :token, null: false, index: { unique: true }
    t.integer :expires_in, null: false
    t.text :redirect_uri, null: false
    t.datetime :created_at, null: false
    t.datetime :revoked_at
    t.string :scopes, null: false, default: ''
    t.string :code_challenge
    t.string :code_challenge_method
  end
  create_table :oauth_openid_requests do |t|
    t.references :access_grant, null: false
    t.string :nonce, null: false
  end
  create_table :oauth_access_tokens do |t|
    t.references :resource_owner, index: true
    t.references :application, null: false, foreign_key: { to_table: :oauth_applications }
    t.string :token, null: false, index: { unique: true }
    t.string :refresh_token, index: { unique: true }
    t.integer :expires_in
    t.datetime :revoked_at
    t.datetime :created_at, null: false
    t.string :scopes
    t.string :previous_refresh_token, null: false, default: ''
  end
end

# The issuer holds the port, so the rest is configured once the port is known.
server = Puma::Server.new(Invoices, Puma::Events.new($stderr, $stderr), max_threads: THREADS)
issuer = "http://127.0.0.1:#{server.add_tcp_listener('127.0.0.1', port).addr[1]}"

Doorkeeper.configure do
  orm :active_record
  grant_flows(CODE_FLOW ? %w[authorization_code client_credentials] : %w[client_credentials])
  use_refresh_token if CODE_FLOW
  allow_blank_redirect_uri true # of the client that has client credentials only
  default_scopes :'invoices.read'
  # `invoices.admin` exists, but no client may have it.
  optional_scopes :'invoices.write', :'invoices.admin'
  access_token_expires_in TOKEN_SECONDS.seconds
  if CODE_FLOW
    # As Doorkeeper's guide has it; there is one user, so no table of users.
    resource_owner_authenticator { User.signed_in(session) || redirect_to("/login?#{{ return_to: request.fullpath }.to_query}") }
  else
    resource_owner_authenticator { head :forbidden } # nobody logs in here
  end
end

Doorkeeper::OpenidConnect.configure do
  issuer issuer
  protocol { :http }
  signing_key OpenSSL::PKey::RSA.new(2048).to_pem
  # Asked whenever a code is redeemed, although no ID token is wanted.
  resource_owner_from_access_token { ALICE }
  auth_time_from_resource_owner { nil }
  subject { |user| user.id.to_s }
end

User = Struct.new(:id, :name) do
  def self.signed_in(session)
    session[:user_id] == ALICE.id ? ALICE : nil
  end
end
ALICE = User.new(1, 'alice')

# The login that every Rails application writes for itself.
class SessionsController < ActionController::Base
  protect_from_forgery with: :exception

  def new
    render_form
  end

  def create
    known = params[:username] == ALICE.name &&
            ActiveSupport::SecurityUtils.secure_compare(params[:password].to_s, ENV['GRANTLINT_USER_PASSWORD'])
    return render_form(:unprocessable_entity) unless known

    return_to = params[:return_to].to_s
    reset_session
    session[:user_id] = ALICE.id
    redirect_to(return_to.match?(%r{\A/[^/\\]}) ? return_to : '/')
  end

  private

  def render_form(status = :ok)
    render inline: <<~ERB, status: status
      <!DOCTYPE html>
      <html><head><title>Log in</title><%= csrf_meta_tags %></head>
      <body><h1>Log in</h1>
        <%= form_with url: '/login', local: true do |form| %>
          <%= hidden_field_tag :return_to, params[:return_to] %>
          <%= form.label :username %> <%= form.text_field :username %>
          <%= form.label :password %> <%= form.password_field :password %>
          <%= form.submit 'Log in' %>
        <% end %>
      </body></html>
    ERB
  end
end

class InvoicesController < ActionController::API
  before_action(only: :index) { doorkeeper_authorize! :'invoices.read' }
  before_action(only: :create) { doorkeeper_authorize! :'invoices.write' }

  def index
    render json: { invoices: [] }
  end

  def create
    render json: { invoices: [] }, status: :created
  end
end

Invoices.routes.draw do
  use_doorkeeper { skip_controllers :applications, :authorized_applications }
  use_doorkeeper_openid_connect
  get '/login', to: 'sessions#new'
  post '/login', to: 'sessions#create'
  get '/invoices', to: 'invoices#index'
  post '/invoices', to: 'invoices#create'
end

CLIENTS.each do |id, variable|
  redirect_uri = REDIRECT_URIS[id] if CODE_FLOW
  Doorkeeper::Application.create!(
    name: id, uid: id, secret: ENV[variable], scopes: CLIENT_SCOPES.join(' '), redirect_uri: redirect_uri
  )
end
if CODE_FLOW
  Doorkeeper::Application.create!(
    name: 'grantlint-public', uid: 'grantlint-public', confidential: false,
    scopes: CLIENT_SCOPES.join(' '), redirect_uri: REDIRECT_URIS['grantlint-public']
  )
end
ActiveRecord::Base.clear_active_connections!

trap('TERM') { server.stop }
thread = server.run
$stdout.puts "listening on #{issuer}"
$stdout.flush
thread.join
